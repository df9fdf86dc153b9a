// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string_view>

#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/lifecycle/ready.hpp"

namespace imgforge::lifecycle {

/// Starts a machine that is off (nothing happens when it runs), and waits for the signal.
MachineView start_machine(Lifecycle& lifecycle, std::string_view name, Wait wait = Wait::none,
                          std::optional<std::chrono::milliseconds> timeout = {});

/// How a machine went down.
enum class Stopped {
    was_off,
    politely,   ///< the guest shut itself down
    unplugged,  ///< it did not within the deadline, or was not asked
};

/// Asks the guest (its agent, else the power button), and pulls the plug after `timeout`; zero pulls it at
/// once. An ephemeral machine is erased when it has stopped.
Stopped stop_machine(Lifecycle& lifecycle, std::string_view name, std::chrono::milliseconds timeout);

/// The same for a machine already held by this command; it is not erased.
Stopped stop_held(Lifecycle& lifecycle, const MachineRecord& record, std::chrono::milliseconds timeout);

/// stop and start as one command: nobody else gets in between.
MachineView restart_machine(Lifecycle& lifecycle, std::string_view name, std::chrono::milliseconds timeout,
                            Wait wait = Wait::none);

/// Whether it starts with the host: kept by libvirt, or on the embedded driver by the record and `imgforge
/// start --autostart`.
void set_autostart(Lifecycle& lifecycle, std::string_view name, bool on);

/// Starts every machine with autostart that libvirt does not start itself. Errors become warnings; the number
/// of failures.
int start_autostarted(Lifecycle& lifecycle);

/// Usual timeout of stop: a guest under emulation takes long to go down.
constexpr std::chrono::seconds stop_timeout{120};

}  // namespace imgforge::lifecycle
