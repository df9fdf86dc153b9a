// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>

#include "pipelines/lifecycle/address.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// The signal by which a machine counts as up.
enum class Wait { none, ip, agent, cloud_init, ssh };

/// "none", "ip", "agent", "cloud-init" or "ssh"; throws Failure::usage.
Wait parse_wait(std::string_view word);
std::string_view to_string(Wait wait);

/// What was learnt while waiting.
struct Readiness {
    NicAddresses addresses;
    std::string address;  ///< by which the host reaches it; empty when not asked for
};

/// Waits until the machine gives the signal. Fails early when the domain ends or the console shows that the
/// kernel gave up; otherwise Failure::timeout with what was last seen and tried. `watch_from` are the console
/// bytes that belong to an earlier boot, `old_leases` its DHCP leases: for the first two minutes of the wait
/// they are no address of this one.
Readiness wait_until_ready(Lifecycle& lifecycle, const MachineRecord& record, Wait signal,
                           std::chrono::milliseconds timeout, std::uint64_t watch_from = 0,
                           LeaseTimes old_leases = {});

/// How the host reaches a running machine now: its forwarded port, else a found address. Throws
/// Failure::domain with what was tried.
std::string reachable_address(ConnectionPool& connections, const MachineRecord& record,
                              AddressSearch* search = nullptr);

}  // namespace imgforge::lifecycle
