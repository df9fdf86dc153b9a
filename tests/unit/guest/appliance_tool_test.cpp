// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/appliance_tool.hpp"

#include <gtest/gtest.h>

namespace imgforge::guest {
namespace {

TEST(DeviceNode, is_found_by_the_label_of_the_drive_and_not_by_the_kernels_name) {
    EXPECT_EQ(device_node("/dev/sda"), "/dev/disk/guestfs/" + drive_label(0));
    EXPECT_EQ(device_node("/dev/sda12"), "/dev/disk/guestfs/" + drive_label(0) + "12");
    EXPECT_EQ(device_node("/dev/sdab3"), "/dev/disk/guestfs/" + drive_label(27) + "3");
    EXPECT_EQ(drive_label(25), "diskz");
    EXPECT_EQ(drive_label(26), "diskaa");
}

TEST(DeviceNode, leaves_volumes_and_raid_as_they_are) {
    EXPECT_EQ(device_node("/dev/vg/root"), "/dev/vg/root");
    EXPECT_EQ(device_node("/dev/mapper/imgforge-luks0"), "/dev/mapper/imgforge-luks0");
    EXPECT_EQ(device_node("/dev/md0"), "/dev/md0");
}

}  // namespace
}  // namespace imgforge::guest
