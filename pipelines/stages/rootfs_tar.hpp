// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/base/monitor.hpp"
#include "builder/guest/appliance.hpp"

namespace imgforge::stages {

/// Writes the guest's file systems, mounted as one tree, as a tar for containers: numeric owners, extended
/// attributes and ACLs, the contents of /dev, /proc, /sys and /run left out. `disk` (qcow2) is only read.
/// Throws Failure::guest for a guest that cannot be opened, Failure::integrity when the tar cannot be read
/// back or holds device nodes.
void write_rootfs_tar(const std::filesystem::path& disk, const std::filesystem::path& tar,
                      guest::Accelerator accelerator, Monitor& monitor);

}  // namespace imgforge::stages
