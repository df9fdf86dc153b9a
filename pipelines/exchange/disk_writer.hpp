// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

#include "builder/base/monitor.hpp"
#include "pipelines/exchange/export.hpp"

namespace imgforge::exchange {

struct DiskOptions {
    bool compat = false;        ///< qcow2: zlib clusters, always written anew
    bool reproducible = false;  ///< qcow2: equal disks give equal files (in order, zlib)
};

/// Writes the disk in the format as qemu-img calls it. A standalone qcow2 is copied unless it has to be
/// written anew; vmdk is streamOptimized, vpc keeps the size to the byte.
void write_disk(const ExportDisk& disk, std::string_view format, const std::filesystem::path& target,
                const DiskOptions& options, const ExportServices& services, Activity& activity);

/// Reads both and compares them byte by byte. Throws Failure::integrity when they differ.
void compare_disk(const ExportDisk& disk, std::string_view format, const std::filesystem::path& target,
                  const ExportServices& services);

}  // namespace imgforge::exchange
