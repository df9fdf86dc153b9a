// SPDX-License-Identifier: GPL-3.0-or-later
// Guests on encrypted volumes: opened with a passphrase from a file and nothing else.
#include <gmock/gmock.h>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "tests/guest/offline/phony_guest.hpp"
#include "tests/guest/offline/shared_appliance.hpp"

namespace imgforge::test {
namespace {

/// A small Debian on an encrypted /dev/sdd. Few iterations: unlocking shall not cost seconds under emulation.
void make_encrypted(guest::Appliance& appliance, const std::string& version, const char* passphrase) {
    const std::string node = guest::device_node("/dev/sdd");
    ASSERT_TRUE(guest::run_tool(
        appliance, std::string("printf %s ") + passphrase + " | cryptsetup luksFormat -q --type " + version +
                       " --pbkdf pbkdf2 --pbkdf-force-iterations 1000 " + node + " -"))
        << appliance.last_error();
    appliance.call(
        "open", [&](guestfs_h* g) { return guestfs_cryptsetup_open(g, "/dev/sdd", passphrase, "made", -1); });
    appliance.call("mkfs", [](guestfs_h* g) { return guestfs_mkfs(g, "ext4", "/dev/mapper/made"); });
    appliance.call("mount", [](guestfs_h* g) { return guestfs_mount(g, "/dev/mapper/made", "/"); });
    plant(appliance, {}, "/dev/mapper/root / ext4 defaults 0 1\n");
    guest::unmount_guest(appliance);
    appliance.call("close", [](guestfs_h* g) { return guestfs_cryptsetup_close(g, "/dev/mapper/made"); });
}

/// As older and unusual guests are: LUKS on a logical volume, /usr on a partition that fstab names by its
/// label, and no os-release.
void make_unusual(guest::Appliance& appliance, const char* passphrase) {
    appliance.call("partitions", [](guestfs_h* g) {
        constexpr int end_of_usr = 2048 + 16 * 2048;
        char* physical[] = {const_cast<char*>("/dev/sdd2"), nullptr};
        guestfs_part_init(g, "/dev/sdd", "gpt");
        guestfs_part_add(g, "/dev/sdd", "p", 2048, end_of_usr - 1);
        guestfs_part_add(g, "/dev/sdd", "p", end_of_usr, -2048);
        guestfs_part_set_name(g, "/dev/sdd", 1, "phony-usr");
        guestfs_pvcreate(g, "/dev/sdd2");
        guestfs_vgcreate(g, "vg-crypt", physical);
        return guestfs_lvcreate_free(g, "root", "vg-crypt", 100);
    });
    ASSERT_TRUE(guest::run_tool(appliance, std::string("printf %s ") + passphrase +
                                               " | cryptsetup luksFormat -q --type luks2 --pbkdf pbkdf2 "
                                               "--pbkdf-force-iterations 1000 /dev/vg-crypt/root -"))
        << appliance.last_error();
    appliance.call("open", [&](guestfs_h* g) {
        return guestfs_cryptsetup_open(g, "/dev/vg-crypt/root", passphrase, "made", -1);
    });
    for (const char* const device : {"/dev/mapper/made", "/dev/sdd1"}) {
        appliance.call("mkfs", [&](guestfs_h* g) { return guestfs_mkfs(g, "ext4", device); });
    }
    appliance.call("mount", [](guestfs_h* g) {
        guestfs_mount(g, "/dev/mapper/made", "/");
        guestfs_mkdir(g, "/usr");
        return guestfs_mount(g, "/dev/sdd1", "/usr");
    });
    plant(appliance, {},
          "/dev/mapper/root / ext4 defaults 0 1\nPARTLABEL=phony-usr /usr ext4 defaults 0 2\n");
    guest::ApplianceFs fs(appliance);
    fs.remove("/etc/os-release");
    fs.write("/etc/debian_version", "7.11\n", 0644, 0, 0);
    guest::unmount_guest(appliance);
    appliance.call("close", [](guestfs_h* g) { return guestfs_cryptsetup_close(g, "/dev/mapper/made"); });
}

/// A guest on an encrypted volume, opened as users do; closed at the end.
class SysprepOnEncryptedGuest : public testing::Test {
protected:
    void open(const std::string& container) {
        write_file_atomically(work / "right", "testonly-passphrase\n");
        write_file_atomically(work / "wrong", "another\n");
        EXPECT_THAT(fault_of_opening({.root_device = root}), testing::HasSubstr("encrypted"));
        EXPECT_THAT(fault_of_opening({.passphrase_file = work / "wrong", .root_device = root}),
                    testing::HasSubstr(container));
        os = guest::open_guest(appliance, {.passphrase_file = work / "right", .root_device = root});
        EXPECT_TRUE(os.encrypted);
        EXPECT_EQ(os.root_device, root);
    }
    void TearDown() override {
        guest::unmount_guest(appliance);
        appliance.call("close", [&](guestfs_h* g) { return guestfs_cryptsetup_close(g, root.c_str()); });
        // The other tests shall find no encrypted volume.
        appliance.attempt("volume group", [](guestfs_h* g) { return guestfs_vgremove(g, "vg-crypt"); });
        EXPECT_TRUE(guest::run_tool(appliance, "wipefs -q -a -f " + guest::device_node("/dev/sdd")))
            << appliance.last_error();
        appliance.call("partition table",
                       [](guestfs_h* g) { return guestfs_blockdev_rereadpt(g, "/dev/sdd"); });
    }

    guest::Appliance& appliance = SharedAppliance::get().appliance();
    const TempDir work{"imgforge-luks-test"};
    const std::string root = "/dev/mapper/imgforge-luks0";
    guest::Inspection os;
};

TEST_F(SysprepOnEncryptedGuest, opens_a_luks1_volume_with_the_passphrase_of_a_file_only) {
    ASSERT_NO_FATAL_FAILURE(make_encrypted(appliance, "luks1", "testonly-passphrase"));
    open("/dev/sdd");
    EXPECT_EQ(guest::ApplianceFs(appliance).read("/etc/hostname"), "phony\n");
}

TEST_F(SysprepOnEncryptedGuest, cleans_luks_on_lvm_with_usr_by_its_partition_label_and_no_os_release) {
    ASSERT_NO_FATAL_FAILURE(make_unusual(appliance, "testonly-passphrase"));
    open("/dev/vg-crypt/root");
    guest::ApplianceFs fs(appliance);
    EXPECT_EQ(os.family, "debian");
    EXPECT_TRUE(fs.is_file("/usr/share/doc/readme")) << "/usr is a file system of its own";
    sysprep::Needles needles;
    sysprep::OfflineSession session{&appliance, fs, os, needles, SharedAppliance::get().monitor(), {}, false};
    const auto report = sysprep::run_operations(
        session, sysprep::select_operations("machine-id,hostname,free-space", sysprep::all_operations()), {},
        sysprep::Devices::wiped);
    guest::mount_guest(appliance, os, false);
    EXPECT_EQ(fs.read("/etc/machine-id"), "");
    EXPECT_TRUE(fs.is_file("/usr/share/doc/readme"));
    EXPECT_THAT(report.to_text(false), testing::HasSubstr("is encrypted and was not wiped"));
}

}  // namespace
}  // namespace imgforge::test
