// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/new_uuids.hpp"

#include <gtest/gtest.h>

namespace imgforge::sysprep {
namespace {

TEST(NewUuids, are_written_where_the_old_ones_stood_in_either_case) {
    const UuidMap renewed{{"0a1b2c3d-0000-4000-8000-00000000000a", "1f2e3d4c-1111-4111-9111-11111111111b"},
                          {"8e7d6c5b-01", "a1b2c3d4-01"}};
    EXPECT_EQ(with_new_uuids("UUID=0a1b2c3d-0000-4000-8000-00000000000a / ext4\n"
                             "PARTUUID=8E7D6C5B-01 /boot\n"
                             "UUID=ffffffff-0000-4000-8000-00000000000a /srv\n",
                             renewed),
              "UUID=1f2e3d4c-1111-4111-9111-11111111111b / ext4\n"
              "PARTUUID=A1B2C3D4-01 /boot\n"
              "UUID=ffffffff-0000-4000-8000-00000000000a /srv\n");
}

TEST(NewUuids, keep_the_size_of_grubs_environment) {
    const std::string block =
        "# GRUB Environment Block\nkernelopts=root=UUID=0a1b2c3d-0000-4000-8000-00000000000a\n" +
        std::string(100, '#');
    const std::string now = with_new_uuids(
        block, {{"0a1b2c3d-0000-4000-8000-00000000000a", "1f2e3d4c-1111-4111-9111-11111111111b"}});
    EXPECT_EQ(now.size(), block.size());
    EXPECT_NE(now, block);
}

}  // namespace
}  // namespace imgforge::sysprep
