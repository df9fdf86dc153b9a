// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>

namespace imgforge::exchange {

/// "disk.raw" for "disk.raw.xz" (.xz, .gz, .zst, .bz2 in any case); the same name when it is not compressed.
std::string unpacked_name(const std::string& file_name);

/// Unpacks one compressed file to `target` (which must not exist), leaving stretches of zeros as holes.
/// `progress` gets the compressed bytes read. Throws Failure::integrity for a damaged or truncated file and
/// for one that is not compressed, Failure::host when the disk is full; removes `target` then.
void unpack_file(const std::filesystem::path& packed, const std::filesystem::path& target,
                 const std::function<void(std::uint64_t)>& progress = {});

}  // namespace imgforge::exchange
