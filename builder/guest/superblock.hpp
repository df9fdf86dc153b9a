// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge::guest {

/// What the first 68 KiB of a file system tell. Reading them costs 2 ms in the appliance, blkid 100 ms.
struct Superblock {
    std::string type;  ///< ext2, ext3, ext4, xfs, btrfs, vfat, swap, crypto_LUKS, LVM2_member, jbd; empty
                       ///< when not recognised
    std::string uuid;  ///< as blkid prints it; vfat: "ABCD-1234"
    std::string label;
    bool needs_recovery = false;  ///< ext3/4: journal to be replayed
    bool hibernated = false;      ///< swap: holds a suspended system
};

/// Bytes wanted from the start of the device.
inline constexpr std::size_t superblock_bytes = 68U << 10U;

/// Where a swap area holds its UUID: 16 bytes (mkswap.h), whatever the size of a page.
inline constexpr std::size_t swap_uuid_offset = 1036;

/// The 16 bytes that file systems and swap areas store for "0a1b2c3d-…", as libblkid prints them. Throws
/// Failure::tool for a text that has not 32 hexadecimal digits.
std::string uuid_bytes(std::string_view text);

/// Reads the on-disk format (ext4 Documentation/filesystems/ext4/super.rst, xfs_format.h, btrfs "Superblock",
/// mkswap.h, LUKS specifications). Untrusted input: every field is bounds checked.
Superblock probe_superblock(std::string_view start);

}  // namespace imgforge::guest
