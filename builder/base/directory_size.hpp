// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>

namespace imgforge {

/// Bytes that the entries of a directory occupy on the disk, holes not counted; not of its subdirectories.
/// 0 for one that is not there. What goes away meanwhile is not counted: nothing is thrown.
std::uint64_t allocated_in(const std::filesystem::path& directory);

}  // namespace imgforge
