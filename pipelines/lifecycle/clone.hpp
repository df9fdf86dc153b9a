// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <string_view>

#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {

/// Makes what a clone's root disk must not share with its origin (machine id, host keys, DHCP identity) go
/// away; given from outside because guests' files are the appliance's business.
using ClearIdentity = std::function<void(const std::filesystem::path& disk)>;

struct CloneOptions {
    std::string name;        ///< of the new machine
    std::string snapshot{};  ///< of the origin; empty: its disk as it is, and it must be off
    bool start = true;
    ClearIdentity clear_identity{};  ///< empty: the disk is left as it is
};

/// A machine with the same disks, size and networks, and an identity of its own: name, UUID, instance-id,
/// MACs, ports, SSH host keys. Throws Failure::domain when the origin runs and no snapshot is named,
/// Failure::integrity when its domain is on another root disk or its memory is saved.
MachineView clone_machine(Lifecycle& lifecycle, std::string_view origin, const CloneOptions& options);

}  // namespace imgforge::lifecycle
