// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>
#include <vector>

namespace imgforge::image {

/// Disk formats imgforge reads (raw, qcow2) and converts to (all of them).
enum class DiskFormat { raw, qcow2, vmdk, vhdx, vdi };

/// The name as qemu's `-f` takes it: "raw", "qcow2", "vmdk", "vhdx", "vdi".
std::string_view to_string(DiskFormat format);

/// Reads such a name; nothing for anything else.
std::optional<DiskFormat> disk_format_named(std::string_view name);

/// Reads such a name from a user; throws Failure::usage listing the formats.
DiskFormat parse_disk_format(std::string_view name);

/// File name extension that goes with a format, with the dot: ".raw", ".qcow2", …
std::string_view file_extension(DiskFormat format);

/// The names of all formats, for schemas and help.
const std::vector<std::string_view>& disk_format_names();

/// Format by the first bytes, raw when they say nothing. A guest can write any bytes to the start of a raw
/// disk, so this is for open_image() alone, which refuses every reference such a header could carry.
DiskFormat sniff_disk_format(const std::filesystem::path& file);

}  // namespace imgforge::image
