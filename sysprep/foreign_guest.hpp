// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>

#include "builder/base/process.hpp"
#include "builder/image/disk_format.hpp"
#include "builder/image/partition_table.hpp"

namespace imgforge::sysprep {

/// What kind of guest the partitions belong to that cannot be worked on: a sentence for the user, or empty.
/// Looks at partition types, and at signatures and labels at the start of partitions.
std::string foreign_guest(const image::DiskReader& read, std::uint64_t disk_size);

/// Throws Failure::guest for such a guest, in a fraction of a second and before an appliance is started.
/// `work_folder` takes a file of a few kilobytes. Says nothing about images that it cannot read: opening the
/// guest does.
void refuse_foreign_guest(const std::filesystem::path& image, image::DiskFormat format,
                          const std::filesystem::path& work_folder, ProcessRunner& processes);

}  // namespace imgforge::sysprep
