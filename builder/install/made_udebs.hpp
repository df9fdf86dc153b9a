// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

namespace imgforge::install {

/// Names of the installer components that imgforge can make when the mirror lacks them (pool_udebs() of
/// installer_parts.hpp).
inline constexpr const char* e2fsprogs_udeb = "e2fsprogs-udeb";
inline constexpr const char* ntfs_udeb = "ntfs-3g-udeb";

}  // namespace imgforge::install
