// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builder/image/disk_format.hpp"

/// What can be said of a file by its first bytes, without starting a program. For open_image().
namespace imgforge::image {

/// Why the file cannot be a disk image of this format, or empty. A qcow2 (and the other formats with a
/// signature) must have its signature; a raw disk must be whole sectors, and unless its format was `stated`
/// start with zeros, a partition table or the signature of a file system or volume.
std::string why_not_a_disk(const std::filesystem::path& file, DiskFormat format, bool stated);

/// True when the first sectors hold a boot record or a GPT, which no image format has there.
bool carries_partition_table(const std::filesystem::path& file);

/// Throws Failure::integrity for an image of a format other than qcow2 that keeps data or a parent in other
/// files (VMDK descriptors, flat extents and delta links).
void refuse_foreign_parts(const std::filesystem::path& file, DiskFormat format);

/// "raw", "qcow2", … of a list.
std::vector<std::string_view> names_of(const std::vector<DiskFormat>& formats);

}  // namespace imgforge::image
