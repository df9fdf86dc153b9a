// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// True when the boot sector is that of a FAT12, FAT16 or FAT32 file system.
bool is_vfat(std::string_view image);

/// All files of a FAT image by their long names; `label` gets the volume label without trailing blanks.
/// Throws Failure::integrity when chains leave the image, run in a circle or end early, when a name would
/// lead out of its directory, and above 4096 files.
SeedFiles read_vfat(std::string_view image, std::string& label);

}  // namespace imgforge::seeds
