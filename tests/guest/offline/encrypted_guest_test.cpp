// SPDX-License-Identifier: GPL-3.0-or-later
// Guests on encrypted volumes: opened with a passphrase from a file and nothing else.
#include <gmock/gmock.h>
#include <guestfs.h>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_tool.hpp"
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

/// A guest on an encrypted volume, opened as users do; closed at the end.
class SysprepOnEncryptedGuest : public testing::Test {
protected:
    void open(const std::string& version) {
        ASSERT_NO_FATAL_FAILURE(make_encrypted(appliance, version, "testonly-passphrase"));
        write_file_atomically(work / "right", "testonly-passphrase\n");
        write_file_atomically(work / "wrong", "another\n");
        EXPECT_THAT(fault_of_opening({.root_device = root}), testing::HasSubstr("encrypted"));
        EXPECT_THAT(fault_of_opening({.passphrase_file = work / "wrong", .root_device = root}),
                    testing::HasSubstr("/dev/sdd"));
        os = guest::open_guest(appliance, {.passphrase_file = work / "right", .root_device = root});
        EXPECT_TRUE(os.encrypted);
        EXPECT_EQ(os.root_device, root);
    }
    void TearDown() override {
        guest::unmount_guest(appliance);
        appliance.call("close", [&](guestfs_h* g) { return guestfs_cryptsetup_close(g, root.c_str()); });
        // The other tests shall find no encrypted volume.
        EXPECT_TRUE(guest::run_tool(appliance, "wipefs -q -a " + guest::device_node("/dev/sdd")))
            << appliance.last_error();
    }

    guest::Appliance& appliance = SharedAppliance::get().appliance();
    const TempDir work{"imgforge-luks-test"};
    const std::string root = "/dev/mapper/imgforge-luks0";
    guest::Inspection os;
};

TEST_F(SysprepOnEncryptedGuest, opens_a_luks1_volume_with_the_passphrase_of_a_file_only) {
    open("luks1");
    EXPECT_EQ(guest::ApplianceFs(appliance).read("/etc/hostname"), "phony\n");
}

TEST_F(SysprepOnEncryptedGuest, opens_a_luks2_volume_with_the_passphrase_of_a_file_only_and_cleans_it) {
    open("luks2");
    guest::ApplianceFs fs(appliance);
    sysprep::Needles needles;
    sysprep::OfflineSession session{&appliance, fs, os, needles, SharedAppliance::get().monitor(), {}, false};
    const auto report = sysprep::run_operations(
        session, sysprep::select_operations("machine-id,hostname,free-space", sysprep::all_operations()), {},
        sysprep::Devices::wiped);
    guest::mount_guest(appliance, os, false);
    EXPECT_EQ(fs.read("/etc/machine-id"), "");
    EXPECT_THAT(report.to_text(false), testing::HasSubstr("is encrypted and was not wiped"));
}

}  // namespace
}  // namespace imgforge::test
