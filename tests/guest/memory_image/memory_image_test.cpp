// SPDX-License-Identifier: GPL-3.0-or-later
// Real appliances that go on from one memory image: one boot for all tests of this program.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <chrono>
#include <cstdlib>

#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/memory_image.hpp"
#include "tests/support/require.hpp"

namespace imgforge::guest {
namespace {

namespace fs = std::filesystem;
using testing::ElementsAre;
using testing::HasSubstr;

class FromImage : public testing::Test {
protected:
    static void SetUpTestSuite() {
        std::error_code ignored;
        if (!find_program("supermin") || !find_program("qemu-img") || fs::is_empty("/boot", ignored)) {
            IMGFORGE_SKIP("guest",
                          "supermin, qemu-img or a kernel in /boot is missing: no libguestfs appliance");
        }
        ::unsetenv("IMGFORGE_APPLIANCE_IMAGE");  // where the other tests share one
        cache = std::make_unique<TempDir>("memory-image-guest");
        keep_memory_images_in(cache->path());
    }
    static void TearDownTestSuite() {
        keep_memory_images_in({});
        cache.reset();
    }

    fs::path disk(const std::string& name, const char* size, const char* format = "qcow2") {
        SystemProcessRunner processes;
        run_checked(processes, {.program = "qemu-img",
                                .args = {"create", "-q", "-f", format, (folder / name).string(), size}});
        return folder / name;
    }

    /// Once more when libguestfs had to build its root disk first: then there is an image the second time.
    std::unique_ptr<Appliance> start(std::vector<Drive> drives) {
        ApplianceOptions options;
        options.drives = std::move(drives);
        options.launch_deadline = std::chrono::seconds(300);
        auto appliance = std::make_unique<Appliance>(options, monitor);
        if (!appliance->from_image() && memory_images(cache->path()).empty()) {
            appliance->finish();
            appliance = std::make_unique<Appliance>(options, monitor);
        }
        EXPECT_TRUE(appliance->from_image());
        return appliance;
    }

    static std::string noise(Appliance& appliance) {
        return run_tool(appliance, "head -c 24 /dev/urandom | base64; mktemp -u; cat /etc/machine-id")
            .value();
    }

    static std::unique_ptr<TempDir> cache;
    TempDir folder{"memory-image-disks"};
    NullMonitor monitor;
};

std::unique_ptr<TempDir> FromImage::cache;

TEST_F(FromImage, two_appliances_make_different_random_bytes_and_uuids) {
    std::vector<std::string> seen;
    std::vector<std::string> uuids;
    for (const char* const name : {"a.qcow2", "b.qcow2"}) {
        const auto appliance = start({{disk(name, "256M")}});
        seen.push_back(noise(*appliance));
        appliance->call("file system", [](guestfs_h* g) { return guestfs_mkfs(g, "ext4", "/dev/sda"); });
        uuids.push_back(take_string(
            appliance->call("UUID", [](guestfs_h* g) { return guestfs_vfs_uuid(g, "/dev/sda"); })));
        appliance->finish();
    }
    EXPECT_NE(seen[0], seen[1]);
    EXPECT_NE(seen[0].substr(0, 32), seen[1].substr(0, 32));
    EXPECT_NE(uuids[0], uuids[1]);
}

TEST_F(FromImage, files_written_are_there_in_the_next_one_with_todays_date) {
    const fs::path file = disk("files.qcow2", "256M");
    const auto before = std::chrono::system_clock::to_time_t(std::chrono::system_clock::now());
    {
        const auto appliance = start({{file}});
        appliance->call("file system", [](guestfs_h* g) { return guestfs_mkfs(g, "ext4", "/dev/sda"); });
        appliance->call("mount", [](guestfs_h* g) { return guestfs_mount(g, "/dev/sda", "/"); });
        appliance->call("write", [](guestfs_h* g) { return guestfs_write(g, "/hello", "world", 5); });
        appliance->finish();
    }
    const auto appliance = start({{.file = file, .read_only = true}});
    appliance->call("mount", [](guestfs_h* g) { return guestfs_mount_ro(g, "/dev/sda", "/"); });
    EXPECT_EQ(take_string(appliance->call("cat", [](guestfs_h* g) { return guestfs_cat(g, "/hello"); })),
              "world");
    struct guestfs_statns* const status =
        appliance->call("stat", [](guestfs_h* g) { return guestfs_statns(g, "/hello"); });
    EXPECT_GE(status->st_mtime_sec, before - 2);
    EXPECT_LE(status->st_mtime_sec, before + 600);
    guestfs_free_statns(status);
    appliance->finish();
}

TEST_F(FromImage, disks_come_in_their_order_and_with_their_sectors) {
    const auto appliance =
        start({{disk("one.qcow2", "64M")},
               {.file = disk("two.raw", "128M", "raw"), .format = "raw", .sector_bytes = 4096},
               {.file = disk("three.qcow2", "96M"), .read_only = true}});
    EXPECT_THAT(take_strings(appliance->call("list", [](guestfs_h* g) { return guestfs_list_devices(g); })),
                ElementsAre("/dev/sda", "/dev/sdb", "/dev/sdc"));
    constexpr std::int64_t mebibyte = 1 << 20;
    const auto size = [&](const char* device) {
        return appliance->call("size", [&](guestfs_h* g) { return guestfs_blockdev_getsize64(g, device); }) /
               mebibyte;
    };
    EXPECT_EQ(size("/dev/sda"), 64);
    EXPECT_EQ(size("/dev/sdb"), 128);
    EXPECT_EQ(size("/dev/sdc"), 96);
    EXPECT_EQ(appliance->call("sector", [](guestfs_h* g) { return guestfs_blockdev_getss(g, "/dev/sdb"); }),
              4096);
    EXPECT_THAT(run_tool(*appliance, "readlink -f " + device_node("/dev/sdb")).value_or(""),
                HasSubstr("/dev/sd"));
    appliance->finish();
}

TEST_F(FromImage, logical_volumes_of_a_guest_are_there_at_once) {
    const fs::path file = disk("lvm.qcow2", "256M");
    {
        const auto appliance = start({{file}});
        appliance->call("pv", [](guestfs_h* g) { return guestfs_pvcreate(g, "/dev/sda"); });
        appliance->call("vg", [](guestfs_h* g) {
            char device[] = "/dev/sda";
            char* const devices[] = {device, nullptr};
            return guestfs_vgcreate(g, "group", devices);
        });
        appliance->call("lv", [](guestfs_h* g) { return guestfs_lvcreate(g, "root", "group", 100); });
        appliance->call("mkfs", [](guestfs_h* g) { return guestfs_mkfs(g, "ext4", "/dev/group/root"); });
        appliance->finish();
    }
    const auto appliance = start({{file}});
    appliance->call("mount", [](guestfs_h* g) { return guestfs_mount(g, "/dev/group/root", "/"); });
    appliance->finish();
}

TEST_F(FromImage, the_image_stays_as_it_was_and_private) {
    start({{disk("first.qcow2", "64M")}})->finish();
    const auto images = memory_images(cache->path());
    ASSERT_EQ(images.size(), 1U);
    EXPECT_TRUE(images[0].useful);
    const fs::path image = cache->path() / images[0].name;
    const std::string before = sha256_file(image / "root.qcow2") + sha256_file(image / "memory");
    {
        const auto appliance = start({{disk("second.qcow2", "64M")}});
        run_tool(*appliance, "dd if=/dev/urandom of=/var/tmp/rubbish bs=1M count=8; sync");
        appliance->finish();
    }
    EXPECT_EQ(sha256_file(image / "root.qcow2") + sha256_file(image / "memory"), before);
    EXPECT_EQ(fs::status(image).permissions(), fs::perms::owner_all);
    for (const char* const part : {"memory", "state", "root.qcow2", "plug.raw", "image.json"}) {
        EXPECT_EQ(fs::status(image / part).permissions(), fs::perms::owner_read | fs::perms::owner_write)
            << part;
    }
}

TEST_F(FromImage, appliances_go_on_from_it_at_the_same_time) {
    start({{disk("warm-up.qcow2", "64M")}})->finish();
    const fs::path left = disk("left.qcow2", "64M");
    const fs::path right = disk("right.qcow2", "64M");
    const auto one = start({{left}});
    const auto other = start({{right}});
    EXPECT_NE(noise(*one), noise(*other));
    one->finish();
    other->finish();
}

}  // namespace
}  // namespace imgforge::guest
