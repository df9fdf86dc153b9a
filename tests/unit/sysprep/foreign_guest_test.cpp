// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/foreign_guest.hpp"

#include <gtest/gtest.h>

#include <algorithm>

namespace imgforge::sysprep {
namespace {

constexpr std::size_t disk_size = 4U << 20U;
constexpr std::size_t second_partition = 2U << 20U;

/// An MBR with one partition of each type, at 1 MiB and 2 MiB.
std::string divided(unsigned char first, unsigned char second) {
    std::string disk(disk_size, '\0');
    const auto entry = [&](std::size_t number, unsigned char type, std::uint32_t sector) {
        const std::size_t at = 446 + 16 * number;
        disk[at + 4] = static_cast<char>(type);
        for (unsigned byte = 0; byte < 4; ++byte) {
            disk[at + 8 + byte] = static_cast<char>((sector >> (8U * byte)) & 0xffU);
            disk[at + 12 + byte] = static_cast<char>((2048U >> (8U * byte)) & 0xffU);
        }
    };
    entry(0, first, 2048);
    entry(1, second, 4096);
    disk[510] = '\x55';
    disk[511] = '\xaa';
    return disk;
}

std::string judged(const std::string& disk) {
    return foreign_guest(
        [&](std::uint64_t offset, std::size_t length, std::string& out) {
            out = offset < disk.size() ? disk.substr(static_cast<std::size_t>(offset), length) : "";
        },
        disk.size());
}

TEST(ForeignGuest, is_windows_when_there_is_ntfs_and_nothing_of_linux) {
    std::string disk = divided(0x07, 0x07);
    disk.replace((1U << 20U) + 3, 8, "NTFS    ");
    EXPECT_EQ(judged(disk), "Windows guests are not supported");
}

TEST(ForeignGuest, is_not_a_linux_with_a_partition_of_ntfs) {
    std::string disk = divided(0x07, 0x83);
    disk.replace((1U << 20U) + 3, 8, "NTFS    ");
    EXPECT_EQ(judged(disk), "");
}

TEST(ForeignGuest, is_container_linux_by_the_label_of_its_system) {
    std::string disk = divided(0x83, 0x83);
    disk.replace(second_partition + 1080, 2, "\x53\xef");
    EXPECT_EQ(judged(disk), "");
    disk.replace(second_partition + 1024 + 120, 5, "USR-A");
    EXPECT_NE(judged(disk).find("CoreOS"), std::string::npos);
}

}  // namespace
}  // namespace imgforge::sysprep
