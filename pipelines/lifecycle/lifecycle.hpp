// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <memory>
#include <string_view>

#include "builder/base/host.hpp"
#include "pipelines/lifecycle/connection_pool.hpp"
#include "pipelines/lifecycle/instance_layout.hpp"
#include "pipelines/lifecycle/machine_registry.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::lifecycle {

/// The machines of one $IMGFORGE_HOME: their files, their records, the connections that hold them, and the
/// golden images they stand on, for operations that need them together. What needs one of the bases takes
/// that. The operations (spawn, start, destroy …) are functions in files of their own.
class Lifecycle : public InstanceLayout, public MachineRegistry, public ConnectionPool {
public:
    explicit Lifecycle(Host host);

    const Host& host() const { return host_; }
    const Settings& settings() const { return host_.settings; }
    ProcessRunner& processes() const { return *host_.processes; }
    Clock& clock() const { return *host_.clock; }
    Monitor& monitor() const { return *host_.monitor; }

    /// Opened at the first use: listing machines needs none of its checks.
    store::Store& store();

    /// The record of a machine that exists, locked for this command. A change that a killed command left half
    /// done is settled first.
    struct Held {
        MachineRecord record;
        MachineLock lock;
    };
    Held hold(std::string_view name);

private:
    Host host_;
    std::unique_ptr<store::Store> store_;
};

}  // namespace imgforge::lifecycle
