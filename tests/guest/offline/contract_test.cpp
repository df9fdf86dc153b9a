// SPDX-License-Identifier: GPL-3.0-or-later
// One suite for both implementations of GuestFs, so that the tree in memory cannot promise what the appliance
// does not do.
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "tests/guest/offline/shared_appliance.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::guest {
namespace {

using testing::ElementsAre;
using testing::IsEmpty;

/// A fresh, empty file system.
template <class Implementation>
struct Fresh;

template <>
struct Fresh<MemoryGuestFs> {
    MemoryGuestFs fs;
    void node(const std::string& path, FileType type) { fs.add_node(path, type); }
    void hard_link(const std::string& existing, const std::string& path) { fs.add_hard_link(existing, path); }
};

template <>
struct Fresh<ApplianceFs> {
    Appliance& appliance = test::SharedAppliance::get().appliance();
    ApplianceFs fs{appliance};
    Fresh() {
        appliance.call("mkfs", [](guestfs_h* g) { return guestfs_mkfs(g, "ext4", "/dev/sdd"); });
        appliance.call("mount",
                       [](guestfs_h* g) { return guestfs_mount_vfs(g, "nodev", "ext4", "/dev/sdd", "/"); });
        fs.remove("/lost+found");
    }
    ~Fresh() { unmount_guest(appliance); }
    void node(const std::string& path, FileType type) {
        appliance.call("mknod", [&](guestfs_h* g) {
            return type == FileType::fifo ? guestfs_mkfifo(g, 0644, path.c_str())
                                          : guestfs_mknod_b(g, 0644, 8, 0, path.c_str());
        });
    }
    void hard_link(const std::string& existing, const std::string& path) {
        appliance.call("ln", [&](guestfs_h* g) { return guestfs_ln(g, existing.c_str(), path.c_str()); });
    }
};

template <class Implementation>
class GuestFsContract : public testing::Test {};

using Implementations = testing::Types<MemoryGuestFs, ApplianceFs>;
TYPED_TEST_SUITE(GuestFsContract, Implementations);

TYPED_TEST(GuestFsContract, resolves_links_in_parents_inside_the_guest_only) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.make_directory("/real/inner");
    fs.write("/real/inner/file", "content");
    fs.symlink("/real", "/absolute");
    fs.symlink("../../../../real/inner", "/real/upwards");
    fs.symlink("/loop", "/loop");

    EXPECT_EQ(fs.read("/absolute/inner/file"), "content");
    EXPECT_EQ(fs.resolve("/absolute/inner/file"), "/real/inner/file");
    EXPECT_EQ(fs.resolve("/real/upwards/file"), "/real/inner/file");
    EXPECT_EQ(fs.resolve("/loop/x"), std::nullopt);
    EXPECT_FALSE(fs.lstat("/loop/x").has_value());
    EXPECT_EQ(fs.lstat("/absolute")->type, FileType::symlink);
}

TYPED_TEST(GuestFsContract, removes_links_and_never_what_they_point_to) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.make_directory("/target/deep");
    fs.write("/target/deep/file", "x");
    fs.symlink("/target", "/link");
    fs.make_directory("/holder");
    fs.symlink("/target", "/holder/link");

    fs.remove("/link/");
    fs.remove("/holder");
    fs.remove("/missing/too");

    EXPECT_FALSE(fs.exists("/link"));
    EXPECT_FALSE(fs.exists("/holder"));
    EXPECT_EQ(fs.read("/target/deep/file"), "x");
}

TYPED_TEST(GuestFsContract, removes_a_tree_behind_an_absolute_link_in_its_parent) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    // "rm -rf" is not chrooted in the appliance: /tmp there is another /tmp (the trap of guestfs_rm_rf).
    fs.make_directory("/store/tree/sub");
    fs.write("/store/tree/sub/secret", "x");
    fs.symlink("/store", "/way");

    fs.remove("/way/tree");

    EXPECT_FALSE(fs.exists("/store/tree"));
    EXPECT_TRUE(fs.exists("/store"));
}

TYPED_TEST(GuestFsContract, writes_regular_files_only) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.write("/shadow", "hash");
    fs.symlink("/shadow", "/link");
    fresh.node("/pipe", FileType::fifo);
    fresh.node("/device", FileType::block);

    for (const char* path : {"/link", "/pipe", "/device"}) {
        EXPECT_THROW(fs.truncate(path), Error) << path;
        EXPECT_THROW(fs.write(path, "x"), Error) << path;
    }
    EXPECT_THROW(fs.read("/pipe"), Error);
    EXPECT_THROW(fs.read("/device"), Error);
    EXPECT_EQ(fs.read("/shadow"), "hash");
}

TYPED_TEST(GuestFsContract, keeps_mode_owner_and_attributes_when_it_writes) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.write("/file", "old content", 0640, 12, 34);
    fs.set_xattr("/file", "user.mark", "kept");

    fs.write("/file", "new");

    EXPECT_EQ(fs.read("/file"), "new");
    EXPECT_EQ(fs.lstat("/file")->mode, 0640U);
    EXPECT_EQ(fs.lstat("/file")->uid, 12U);
    EXPECT_EQ(fs.lstat("/file")->gid, 34U);
    EXPECT_EQ(fs.xattrs("/file").at("user.mark"), "kept");
    fs.truncate("/file");
    EXPECT_EQ(fs.lstat("/file")->size, 0U);
    EXPECT_EQ(fs.lstat("/file")->mode, 0640U);
}

TYPED_TEST(GuestFsContract, leaves_other_hard_links_alone) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.write("/a", "content", 0600);
    fresh.hard_link("/a", "/b");

    fs.truncate("/a");

    EXPECT_EQ(fs.read("/a"), "");
    EXPECT_EQ(fs.read("/b"), "content");
    EXPECT_EQ(fs.lstat("/a")->mode, 0600U);
}

TYPED_TEST(GuestFsContract, overwrites_a_file_in_its_own_blocks) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.write("/a", "content", 0600);
    fresh.hard_link("/a", "/b");
    fs.symlink("/a", "/link");

    fs.overwrite("/a");

    EXPECT_EQ(fs.read("/b"), std::string(7, '\0'));
    EXPECT_THROW(fs.overwrite("/link"), Error);
}

TYPED_TEST(GuestFsContract, lists_names_with_newlines_and_dots_in_order) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.make_directory("/d");
    fs.write("/d/b\nnewline", "x");
    fs.write("/d/.hidden", "y");
    fs.write("/d/a*[b]", "z");

    const auto entries = fs.list("/d");

    ASSERT_EQ(entries.size(), 3U);
    EXPECT_EQ(entries[0].name, ".hidden");
    EXPECT_EQ(entries[1].name, "a*[b]");
    EXPECT_EQ(entries[2].name, "b\nnewline");
    EXPECT_THAT(fs.list("/nowhere"), IsEmpty());
    fs.remove("/d/b\nnewline");
    EXPECT_EQ(fs.list("/d").size(), 2U);
}

TYPED_TEST(GuestFsContract, expands_patterns_and_finds_dangling_links) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.make_directory("/etc/d");
    fs.write("/etc/one.conf", "");
    fs.write("/etc/two.conf", "");
    fs.write("/etc/.hidden.conf", "");
    fs.write("/etc/wei{rd,name", "");
    fs.symlink("/nowhere", "/etc/dangling");

    EXPECT_THAT(fs.glob("/etc/*.conf"), ElementsAre("/etc/one.conf", "/etc/two.conf"));
    EXPECT_THAT(fs.glob("/etc/{one,three}.conf"), ElementsAre("/etc/one.conf"));
    EXPECT_THAT(fs.glob_all({"/etc/dangling", "/etc/d", "/etc/{one,two}.conf", "/none"}),
                ElementsAre("/etc/d", "/etc/dangling", "/etc/one.conf", "/etc/two.conf"));
    EXPECT_THAT(fs.glob_all({glob_quote("/etc/wei{rd,name")}), ElementsAre("/etc/wei{rd,name"));
    EXPECT_THAT(fs.glob_all({}), IsEmpty());
}

TYPED_TEST(GuestFsContract, lists_a_huge_folder_and_removes_it) {
    Fresh<TypeParam> fresh;
    GuestFs& fs = fresh.fs;
    fs.make_directory("/huge");
    constexpr int files = 1200;
    if constexpr (std::is_same_v<TypeParam, ApplianceFs>) {
        fresh.appliance.call("fill", [](guestfs_h* g) { return guestfs_fill_dir(g, "/huge", files); });
    } else {
        for (int index = 0; index < files; ++index) {
            fs.write("/huge/" + std::to_string(index), "");
        }
    }

    EXPECT_EQ(fs.list("/huge").size(), static_cast<std::size_t>(files));
    fs.remove("/huge");
    EXPECT_FALSE(fs.exists("/huge"));
}

TYPED_TEST(GuestFsContract, refuses_to_remove_the_root_or_a_relative_name) {
    Fresh<TypeParam> fresh;
    fresh.fs.make_directory("/a/b");
    EXPECT_THROW(fresh.fs.remove("/"), Error);
    EXPECT_THROW(fresh.fs.remove("/a/.."), Error);
    EXPECT_TRUE(fresh.fs.exists("/a/b"));
}

}  // namespace
}  // namespace imgforge::guest
