// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Checks before anything is made, each failure with the command that fixes it.

/// QEMU of qemu:///system runs as a user of its own: every directory above the disks must let others pass,
/// and the golden image must be readable. Throws Failure::host naming the directory, its mode and `chmod`.
void check_paths_for_system(const std::vector<std::filesystem::path>& files);

/// Memory for `count` machines of that size against what this host has available. Throws Failure::host.
void check_memory(ByteSize each, std::size_t count);

/// The first component of `path` that others cannot pass through, or nothing. Follows symbolic links.
std::optional<std::filesystem::path> closed_folder(const std::filesystem::path& path);

/// Bridges exist, libvirt networks exist and run (an inactive one is started, "isolated" is made). Throws
/// Failure::host.
void prepare_networks(const virt::Connection& connection, const std::vector<NetworkSpec>& networks);

/// The networks that are libvirt's own come up with the daemon from now on, for machines that start with the
/// host. One that cannot (it is not persistent) becomes a warning.
void keep_networks(Monitor& monitor, const virt::Connection& connection,
                   const std::vector<NetworkSpec>& networks);

/// One entry for each NIC.
std::vector<NetworkSpec> networks_of(const MachineRecord& record);

/// The network of machines that ask for none: user on the embedded driver, else `network:` of the settings,
/// else nat.
std::vector<NetworkSpec> default_networks(const Settings& settings, bool embedded);

}  // namespace imgforge::lifecycle
