// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/spare_places.hpp"

#include <gmock/gmock.h>

#include "builder/guest/appliance.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::guest {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class SparePlacesOfGuest : public testing::Test {
protected:
    std::string give(SparePlaces& places, const Unplaced& file_system) {
        return places.give(file_system, [&](const std::string& place) {
            if (file_system.type == "broken") {
                throw ApplianceError(Failure::guest, "wrong superblock", "", 22);
            }
            mounted.push_back(place + " " + file_system.mountable);
        });
    }

    MemoryGuestFs fs;
    std::vector<std::string> mounted;
};

TEST_F(SparePlacesOfGuest, take_what_fstab_names_by_a_directory_that_is_missing) {
    fs.add("/srv/www/index.html");
    fs.make_directory("/mnt");
    fs.make_directory("/media");
    EXPECT_EQ(mount_directory(fs, "/home"), std::nullopt);
    SparePlaces places(fs, {});

    const std::string home = give(places, {"btrfsvol:/dev/sda2/home", "btrfs", "/home"});
    const std::string other = give(places, {"/dev/sda3", "ext4", ""});

    EXPECT_THAT(mounted, ElementsAre("/mnt btrfsvol:/dev/sda2/home", "/media /dev/sda3"));
    EXPECT_EQ(home,
              "btrfsvol:/dev/sda2/home (btrfs) has no directory: /home of the guest's fstab does not exist; "
              "it is searched and its free space wiped as /mnt");
    EXPECT_EQ(other,
              "/dev/sda3 (ext4) is not in the guest's fstab; it is searched and its free space wiped as "
              "/media");
}

TEST_F(SparePlacesOfGuest, leave_alone_what_they_have_no_room_for_and_say_so) {
    fs.add("/srv/www/index.html");
    fs.add_node("/opt", FileType::fifo);
    fs.make_directory("/elsewhere");
    fs.symlink("/elsewhere", "/mnt");
    SparePlaces places(fs, {});

    EXPECT_THAT(give(places, {"/dev/sda3", "ext4", "/home"}), HasSubstr("it is left alone, since none"));
    EXPECT_THAT(mounted, IsEmpty());
}

TEST_F(SparePlacesOfGuest, keep_a_place_for_the_next_when_a_mount_fails) {
    fs.make_directory("/mnt");
    SparePlaces places(fs, {});

    EXPECT_THAT(give(places, {"/dev/sda3", "broken", ""}), HasSubstr("left alone: wrong superblock"));
    give(places, {"/dev/sda4", "ext4", ""});

    EXPECT_THAT(mounted, ElementsAre("/mnt /dev/sda4"));
}

TEST_F(SparePlacesOfGuest, are_not_where_fstab_mounts_an_empty_file_system) {
    fs.make_directory("/mnt");
    fs.make_directory("/opt");
    SparePlaces places(fs, {{"/", "/dev/sda1"}, {"/mnt", "/dev/sda2"}});

    give(places, {"/dev/sda3", "ext4", "/home"});

    EXPECT_THAT(mounted, ElementsAre("/opt /dev/sda3"));
}

TEST_F(SparePlacesOfGuest, are_not_used_for_a_mount_point_that_the_guest_has) {
    fs.make_directory("/usr/home");
    fs.symlink("usr/home", "/home");
    fs.add("/data");

    EXPECT_EQ(mount_directory(fs, "/home"), "/usr/home");
    EXPECT_EQ(mount_directory(fs, "/data"), std::nullopt) << "a file";
}

}  // namespace
}  // namespace imgforge::guest
