// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/placement.hpp"

#include <gtest/gtest.h>

namespace imgforge::lifecycle {
namespace {

const std::vector<HostRoom>& three() {
    static const std::vector<HostRoom> rooms = {
        {"a", ByteSize::gib(8)}, {"b", ByteSize::gib(1)}, {"c", ByteSize::gib(8)}};
    return rooms;
}

TEST(Placement, hosts_take_turns_from_the_one_after_the_last) {
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(1), ""), "a");
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(1), "a"), "b");
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(1), "b"), "c");
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(1), "c"), "a");
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(1), "gone"), "a");
}

TEST(Placement, a_host_without_room_for_all_is_passed_over) {
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(2), "a"), "c");
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(8), "c"), "a");
    EXPECT_EQ(next_in_turn(three(), ByteSize::gib(9), "a"), "");
    EXPECT_EQ(next_in_turn({}, ByteSize::gib(1), ""), "");
}

TEST(Placement, overcommitted_machines_need_no_room) {
    EXPECT_EQ(next_in_turn({{"full", ByteSize()}}, ByteSize(), "full"), "full");
}

}  // namespace
}  // namespace imgforge::lifecycle
