// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/virt/domain_spec.hpp"
#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// Machines that go on from a memory image are plugged together while they run: PCIe root ports, and what
/// sits where. The first six are left to what libvirt places itself (disk controller, channel, balloon,
/// random numbers, USB).
inline constexpr int warm_root_ports = 14;
inline constexpr int warm_seed_port = 7;
/// The guest of a template knows how large its seed is and finds a clone's in the same place: so all have one
/// size, the three files of a user (16 MiB each) and more. The rest is a hole.
inline constexpr std::uintmax_t warm_seed_size = 64U << 20U;
inline constexpr int warm_first_nic_port = 8;
inline constexpr std::size_t warm_nics = 4;
inline constexpr int warm_first_data_port = 12;
inline constexpr std::size_t warm_data_disks = 3;

/// The newest number of MachineRecord::hardware: free PCIe ports for hot-plug, tuned clock, panic device,
/// free page reporting.
inline constexpr int current_hardware = 1;

/// PCIe ports of hardware 1 beyond those its own devices take.
inline constexpr int spare_root_ports = 12;

/// The domain of a machine, from its record alone: so it can be defined again at any time and comes out the
/// same. `folder` is instances/NAME (console log and socket). Pure.
virt::DomainSpec machine_domain(const MachineRecord& record, const std::filesystem::path& folder,
                                virt::DomainSpec::Accel accel);

/// The console's socket on this host; empty when its path would be too long for one, and the console is a pty
/// then.
std::filesystem::path console_socket(const std::filesystem::path& folder);

}  // namespace imgforge::lifecycle
