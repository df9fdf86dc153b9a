// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/superblock.hpp"

#include <gtest/gtest.h>

#include "builder/base/error.hpp"

namespace imgforge::guest {
namespace {

std::string device(std::size_t offset, std::string_view bytes) {
    std::string start(superblock_bytes, '\0');
    start.replace(offset, bytes.size(), bytes);
    return start;
}

TEST(Superblock, sees_that_an_ext_journal_must_be_replayed) {
    std::string start = device(1024 + 0x38, "\x53\xef");
    EXPECT_FALSE(probe_superblock(start).needs_recovery);

    start[1024 + 0x60] = '\x04';
    EXPECT_TRUE(probe_superblock(start).needs_recovery);
}

TEST(Superblock, prints_uuids_as_blkid_does) {
    std::string start = device(1024 + 0x38, "\x53\xef");
    start.replace(1024 + 0x68, 16, "\x56\x8d\x63\x39\x1d\xee\x4b\x59\xa8\xbc\x4c\x6f\x12\xb6\x4c\xb4");

    EXPECT_EQ(probe_superblock(start).uuid, "568d6339-1dee-4b59-a8bc-4c6f12b64cb4");
}

TEST(Superblock, tells_a_hibernated_swap_from_a_plain_one) {
    EXPECT_FALSE(probe_superblock(device(4086, "SWAPSPACE2")).hibernated);
    EXPECT_TRUE(probe_superblock(device(4086, "S1SUSPEND")).hibernated);
    EXPECT_EQ(probe_superblock(device(4086, "S1SUSPEND")).type, "swap");
}

TEST(Superblock, stores_a_uuid_as_the_bytes_that_it_reads) {
    const std::string uuid = "568d6339-1dee-4b59-a8bc-4c6f12b64cb4";
    std::string start = device(4086, "SWAPSPACE2");
    start.replace(swap_uuid_offset, 16, uuid_bytes(uuid));

    EXPECT_EQ(probe_superblock(start).uuid, uuid);
    for (const char* text :
         {"", "568d6339", "568d6339-1dee-4b59-a8bc-4c6f12b64cg4", "568d6339-1dee-4b59-a8bc-4c6f12b64cb4f"}) {
        EXPECT_THROW(uuid_bytes(text), Error) << text;
    }
}

TEST(Superblock, survives_a_device_shorter_than_any_file_system) {
    EXPECT_EQ(probe_superblock("").type, "");
    EXPECT_EQ(probe_superblock(std::string(1100, '\xff')).type, "");
    EXPECT_EQ(probe_superblock(std::string(1024 + 0x38, '\0') + "\x53\xef").type, "ext2");
}

}  // namespace
}  // namespace imgforge::guest
