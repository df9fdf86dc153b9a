// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <vector>

namespace imgforge::image {

/// One partition of a disk, as its table says; untrusted.
struct Partition {
    int number = 0;  ///< as Linux counts: 1…4 primary and extended, 5… logical; GPT entries from 1
    std::uint64_t start = 0;
    std::uint64_t length = 0;
    std::string type;  ///< MBR "0x83", GPT GUID in lower case
    std::string
        file_system;  ///< by its signature: ext4, xfs, btrfs, vfat, swap, LVM2, LUKS; empty when unknown
    bool contains(std::uint64_t offset) const { return offset >= start && offset - start < length; }
};

/// Reads up to `length` bytes of the disk at `offset` into `out`.
using DiskReader = std::function<void(std::uint64_t offset, std::size_t length, std::string& out)>;

/// GPT or MBR with logical partitions; empty for a disk without a table. Entries that leave the disk are
/// dropped; loops of extended partitions end.
std::vector<Partition> read_partitions(const DiskReader& read, std::uint64_t disk_size);

/// "partition 1 (ext4)", "partition table", "space between partitions", "whole disk (xfs)".
std::string describe_offset(const std::vector<Partition>& partitions, std::uint64_t offset);

/// Name of a file system by its superblock at `start`; empty when unknown.
std::string file_system_at(const DiskReader& read, std::uint64_t start);

}  // namespace imgforge::image
