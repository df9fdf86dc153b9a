// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::sysprep {

struct InitramfsEntry {
    std::string name;  ///< without a leading "./" or "/"
    std::uint64_t size = 0;
};

/// Names in an initramfs: any number of cpio archives after each other (early microcode uncompressed), the
/// last ones compressed with anything libarchive knows. What cannot be read ends the list; untrusted input.
std::vector<InitramfsEntry> initramfs_entries(std::string_view image);

}  // namespace imgforge::sysprep
