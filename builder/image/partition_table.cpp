// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/partition_table.hpp"

#include <algorithm>
#include <array>
#include <set>
#include <string_view>

#include <fmt/format.h>

namespace imgforge::image {

namespace {

using namespace std::string_view_literals;
constexpr std::uint64_t disk_sector = 512;

std::uint64_t little(std::string_view bytes, std::size_t at, std::size_t size) {
    std::uint64_t value = 0;
    for (std::size_t i = size; i-- > 0;) {
        value = (value << 8U) | static_cast<unsigned char>(bytes[at + i]);
    }
    return value;
}

std::string read_exactly(const DiskReader& read, std::uint64_t offset, std::size_t length) {
    std::string out;
    read(offset, length, out);
    out.resize(length, '\0');
    return out;
}

void add(std::vector<Partition>& out, Partition partition, std::uint64_t disk_size) {
    if (partition.length > 0 && partition.start < disk_size &&
        partition.length <= disk_size - partition.start) {
        out.push_back(std::move(partition));
    }
}

/// Mixed endian, as UEFI writes GUIDs (UEFI 2.10, 5.3.3).
std::string guid(std::string_view entry) {
    return fmt::format("{:08x}-{:04x}-{:04x}-{:02x}{:02x}-{:012x}", little(entry, 0, 4), little(entry, 4, 2),
                       little(entry, 6, 2), little(entry, 8, 1), little(entry, 9, 1), [&] {
                           std::uint64_t node = 0;
                           for (std::size_t i = 10; i < 16; ++i) {
                               node = (node << 8U) | static_cast<unsigned char>(entry[i]);
                           }
                           return node;
                       }());
}

void read_gpt(const DiskReader& read, std::uint64_t disk_size, std::vector<Partition>& out) {
    const std::string header = read_exactly(read, disk_sector, disk_sector);
    if (!std::string_view(header).starts_with("EFI PART"sv)) {
        return;
    }
    const std::uint64_t table = little(header, 72, 8);
    const std::uint64_t count = std::min<std::uint64_t>(little(header, 80, 4), 1024);
    const std::uint64_t entry_size = little(header, 84, 4);
    if (entry_size < 128 || entry_size > 4096 || table > disk_size / disk_sector) {
        return;
    }
    const std::string entries =
        read_exactly(read, table * disk_sector, static_cast<std::size_t>(count * entry_size));
    for (std::uint64_t i = 0; i < count; ++i) {
        const std::string_view entry =
            std::string_view(entries).substr(static_cast<std::size_t>(i * entry_size), 128);
        const std::uint64_t first = little(entry, 32, 8);
        const std::uint64_t last = little(entry, 40, 8);
        if (std::all_of(entry.begin(), entry.begin() + 16, [](char c) { return c == '\0'; }) ||
            last < first || last > disk_size / disk_sector) {
            continue;
        }
        add(out,
            {.number = static_cast<int>(i) + 1,
             .start = first * disk_sector,
             .length = (last - first + 1) * disk_sector,
             .type = guid(entry)},
            disk_size);
    }
}

bool is_extended(std::uint64_t type) {
    return type == 0x05 || type == 0x0f || type == 0x85;
}

/// The chain of extended boot records; each names one logical partition and the next record.
void read_logical(const DiskReader& read, std::uint64_t base, std::uint64_t disk_size,
                  std::vector<Partition>& out) {
    std::set<std::uint64_t> seen;
    std::uint64_t at = base;
    for (int number = 5; number < 64 && at < disk_size && seen.insert(at).second; ++number) {
        const std::string record = read_exactly(read, at, disk_sector);
        if (record.substr(510, 2) != "\x55\xaa") {
            return;
        }
        add(out,
            {.number = number,
             .start = at + little(record, 446 + 8, 4) * disk_sector,
             .length = little(record, 446 + 12, 4) * disk_sector,
             .type = fmt::format("0x{:02x}", little(record, 446 + 4, 1))},
            disk_size);
        if (!is_extended(little(record, 462 + 4, 1))) {
            return;
        }
        at = base + little(record, 462 + 8, 4) * disk_sector;
    }
}

}  // namespace

std::string file_system_at(const DiskReader& read, std::uint64_t start) {
    const std::string head = read_exactly(read, start, 68 * 1024);
    struct Signature {
        std::size_t at;
        std::string_view bytes;
        std::string_view name;
    };
    constexpr std::array<Signature, 9> signatures{{{0, "XFSB"sv, "xfs"},
                                                   {0, "LUKS\xba\xbe"sv, "LUKS"},
                                                   {1080, "\x53\xef"sv, "ext4"},
                                                   {4086, "SWAPSPACE2"sv, "swap"},
                                                   {4086, "SWAP-SPACE"sv, "swap"},
                                                   {536, "LVM2 001"sv, "LVM2"},
                                                   {82, "FAT32"sv, "vfat"},
                                                   {54, "FAT"sv, "vfat"},
                                                   {65600, "_BHRfS_M"sv, "btrfs"}}};
    for (const Signature& signature : signatures) {
        if (std::string_view(head).substr(signature.at, signature.bytes.size()) == signature.bytes) {
            return std::string(signature.name);
        }
    }
    return {};
}

std::vector<Partition> read_partitions(const DiskReader& read, std::uint64_t disk_size) {
    std::vector<Partition> out;
    if (disk_size < 2 * disk_sector) {
        return out;
    }
    read_gpt(read, disk_size, out);
    const std::string record = read_exactly(read, 0, disk_sector);
    // A FAT or XFS file system on the bare disk may end its first sector like a partition table does.
    if (out.empty() && record.substr(510, 2) == "\x55\xaa" && file_system_at(read, 0).empty()) {
        for (std::size_t i = 0; i < 4; ++i) {
            const std::size_t entry = 446 + 16 * i;
            const std::uint64_t type = little(record, entry + 4, 1);
            const std::uint64_t start = little(record, entry + 8, 4) * disk_sector;
            if (type != 0) {
                add(out,
                    {.number = static_cast<int>(i) + 1,
                     .start = start,
                     .length = little(record, entry + 12, 4) * disk_sector,
                     .type = fmt::format("0x{:02x}", type)},
                    disk_size);
            }
            if (is_extended(type)) {
                read_logical(read, start, disk_size, out);
            }
        }
    }
    for (Partition& partition : out) {
        partition.file_system = file_system_at(read, partition.start);
    }
    if (out.empty()) {
        if (std::string type = file_system_at(read, 0); !type.empty()) {
            out.push_back({.number = 0, .start = 0, .length = disk_size, .file_system = std::move(type)});
        }
    }
    return out;
}

std::string describe_offset(const std::vector<Partition>& partitions, std::uint64_t offset) {
    const Partition* best = nullptr;
    for (const Partition& partition : partitions) {
        if (partition.contains(offset) && (best == nullptr || partition.length < best->length)) {
            best = &partition;
        }
    }
    if (best != nullptr) {
        const std::string type = best->file_system.empty() ? "" : " (" + best->file_system + ")";
        return best->number == 0 ? "whole disk" + type : fmt::format("partition {}{}", best->number, type);
    }
    const bool before_all = std::all_of(partitions.begin(), partitions.end(),
                                        [&](const Partition& p) { return offset < p.start; });
    return partitions.empty() ? "disk"
           : before_all       ? "space before the first partition"
                              : "space between partitions";
}

}  // namespace imgforge::image
