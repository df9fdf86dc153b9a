// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/ready.hpp"
#include "pipelines/lifecycle/spool.hpp"

namespace imgforge::lifecycle {

/// A spool's requests carried out on the machines of this host. Machines are not waited for by SSH: one that
/// boots slowly must not hold up the others' files.
class LifecycleActions final : public SpoolActions {
public:
    explicit LifecycleActions(Lifecycle& lifecycle) : lifecycle_(lifecycle) {}

    void spawn(const std::string& name, const SpoolProperties& properties) override;
    void start(const std::string& name) override;
    void stop(const std::string& name) override;
    void destroy(const std::string& name) override;
    void set_autostart(const std::string& name, bool on) override;
    void forget(const std::string& name) override;
    std::string instances() const override { return lifecycle_.places().instances().string(); }
    std::vector<SpoolMachine> machines() override;

private:
    Lifecycle& lifecycle_;
};

}  // namespace imgforge::lifecycle
