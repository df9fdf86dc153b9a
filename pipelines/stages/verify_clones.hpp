// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <string>
#include <vector>

#include "pipelines/engine/stage.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/provision/check_runner.hpp"

namespace imgforge::stages {

/// The clones of one run of `verify`: gone on every way out, unless a failure is to be looked at. Those that
/// a killed build of the same recipe left behind are removed first.
class VerifyClones {
public:
    /// Spawns them and waits for SSH. Throws what lifecycle::spawn() throws.
    VerifyClones(lifecycle::Lifecycle& machines, const engine::StageTask& task);
    ~VerifyClones();
    VerifyClones(const VerifyClones&) = delete;
    VerifyClones& operator=(const VerifyClones&) = delete;

    const std::vector<lifecycle::MachineView>& views() const { return views_; }

    /// They stay; a later build shall not take them for a dead one's. Returns the lines that log in to them.
    std::string keep();

private:
    void remove_left_over(const std::string& comment);

    lifecycle::Lifecycle& machines_;
    std::vector<lifecycle::MachineView> views_;
    bool kept_ = false;
};

/// Where this host reaches each port that the checks ask about; on the user network the ports are forwarded.
std::map<std::uint16_t, provision::PortPlace> port_places(lifecycle::Lifecycle& machines,
                                                          const lifecycle::MachineView& view,
                                                          const std::vector<provision::Check>& checks);

}  // namespace imgforge::stages
