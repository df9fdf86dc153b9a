// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/superblock.hpp"

#include <fmt/format.h>

#include <charconv>
#include <cstdint>

#include "builder/base/error.hpp"

namespace imgforge::guest {

namespace {

std::string_view field(std::string_view bytes, std::size_t offset, std::size_t size) {
    return offset + size <= bytes.size() ? bytes.substr(offset, size) : std::string_view();
}

std::uint32_t little32(std::string_view bytes, std::size_t offset) {
    const std::string_view raw = field(bytes, offset, 4);
    std::uint32_t value = 0;
    for (std::size_t index = raw.size(); index > 0; --index) {
        value = (value << 8U) | static_cast<unsigned char>(raw[index - 1]);
    }
    return value;
}

std::string uuid_at(std::string_view bytes, std::size_t offset) {
    const std::string_view raw = field(bytes, offset, 16);
    std::string text;
    for (std::size_t index = 0; index < raw.size(); ++index) {
        if (index == 4 || index == 6 || index == 8 || index == 10) {
            text += '-';
        }
        text += fmt::format("{:02x}", static_cast<unsigned char>(raw[index]));
    }
    return text;
}

std::string text_at(std::string_view bytes, std::size_t offset, std::size_t size) {
    std::string_view raw = field(bytes, offset, size);
    raw = raw.substr(0, raw.find('\0'));
    while (!raw.empty() && raw.back() == ' ') {
        raw.remove_suffix(1);
    }
    return std::string(raw);
}

/// As libblkid tells them apart (superblocks/ext.c): ext4 has a feature that the ext3 driver does not know,
/// ext3 a journal.
std::string_view ext_version(std::string_view block) {
    constexpr std::uint32_t has_journal = 0x4;
    constexpr std::uint32_t journal_device = 0x8;
    constexpr std::uint32_t ext3_incompatible = 0x2 | 0x4 | 0x10;  // filetype, recover, meta_bg
    constexpr std::uint32_t ext2_read_only = 0x1 | 0x2 | 0x4;      // sparse_super, large_file, btree_dir
    const std::uint32_t incompatible = little32(block, 0x60);
    if ((incompatible & journal_device) != 0) {
        return "jbd";
    }
    if ((incompatible & ~ext3_incompatible) != 0 || (little32(block, 0x64) & ~ext2_read_only) != 0) {
        return "ext4";
    }
    return (little32(block, 0x5c) & has_journal) != 0 ? "ext3" : "ext2";
}

Superblock vfat(std::string_view start, std::size_t serial, std::size_t label) {
    const std::uint32_t number = little32(start, serial);
    Superblock found;
    found.type = "vfat";
    found.uuid = fmt::format("{:04X}-{:04X}", number >> 16U, number & 0xffffU);
    found.label = text_at(start, label, 11);
    return found;
}

}  // namespace

std::string uuid_bytes(std::string_view text) {
    std::string digits(text);
    std::erase(digits, '-');
    std::string bytes;
    for (std::size_t at = 0; at + 2 <= digits.size(); at += 2) {
        unsigned value = 0;
        const char* const end = digits.data() + at + 2;
        if (std::from_chars(digits.data() + at, end, value, 16).ptr != end) {
            break;
        }
        bytes += static_cast<char>(value);
    }
    if (bytes.size() != 16 || digits.size() != 32) {
        throw Error(Failure::tool, fmt::format("'{}' is not a UUID", text));
    }
    return bytes;
}

Superblock probe_superblock(std::string_view start) {
    Superblock found;
    constexpr std::size_t ext = 1024;
    constexpr std::size_t btrfs = 65536;
    constexpr std::size_t swap_magic = 4086;
    const std::string_view swap = field(start, swap_magic, 10);
    if (field(start, ext + 0x38, 2) == "\x53\xef") {
        constexpr std::uint32_t incompat_recover = 0x4;
        found = {std::string(ext_version(start.substr(ext))), uuid_at(start, ext + 0x68),
                 text_at(start, ext + 0x78, 16), false, false};
        found.needs_recovery = (little32(start, ext + 0x60) & incompat_recover) != 0;
    } else if (field(start, 0, 4) == "XFSB") {
        found = {"xfs", uuid_at(start, 32), text_at(start, 108, 12), false, false};
    } else if (field(start, btrfs + 0x40, 8) == "_BHRfS_M") {
        found = {"btrfs", uuid_at(start, btrfs + 0x20), text_at(start, btrfs + 0x12b, 256), false, false};
    } else if (swap == "SWAPSPACE2") {
        found = {"swap", uuid_at(start, swap_uuid_offset), text_at(start, 0x41c, 16), false, false};
    } else if (swap.starts_with("S1SUSPEND") || swap.starts_with("S2SUSPEND") ||
               swap.starts_with("ULSUSPEND") || swap == "LINHIB0001") {
        found = {"swap", uuid_at(start, swap_uuid_offset), text_at(start, 0x41c, 16), false, true};
    } else if (field(start, 0, 6) == std::string_view("LUKS\xba\xbe", 6)) {
        found.type = "crypto_LUKS";
        found.uuid = text_at(start, 168, 40);
    } else if (field(start, 512, 8) == "LABELONE" && field(start, 512 + 24, 8) == "LVM2 001") {
        found.type = "LVM2_member";
    } else if (field(start, 0x52, 5) == "FAT32") {
        found = vfat(start, 0x43, 0x47);
    } else if (field(start, 0x36, 3) == "FAT") {
        found = vfat(start, 0x27, 0x2b);
    }
    return found;
}

}  // namespace imgforge::guest
