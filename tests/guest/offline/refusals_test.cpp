// SPDX-License-Identifier: GPL-3.0-or-later
// Guests that cannot be worked on, or only with a word about it: each says why, in one sentence.
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "sysprep/audit/rules.hpp"
#include "tests/guest/offline/phony_guest.hpp"
#include "tests/guest/offline/shared_appliance.hpp"

namespace imgforge::test {
namespace {

using testing::Contains;
using testing::HasSubstr;

constexpr const char* device = "/dev/sdd";

guest::Appliance& appliance() {
    return SharedAppliance::get().appliance();
}

std::string fault() {
    return fault_of_opening({.root_device = device});
}

void tool(const std::string& line) {
    ASSERT_TRUE(guest::run_tool(appliance(), line)) << line << ": " << appliance().last_error();
}

void make_guest() {
    appliance().call("mkfs", [](guestfs_h* g) { return guestfs_mkfs(g, "ext4", device); });
    appliance().call("mount", [](guestfs_h* g) { return guestfs_mount_vfs(g, "", "ext4", device, "/"); });
    plant(appliance(), {}, std::string(device) + " / ext4 defaults 0 1\n");
    guest::unmount_guest(appliance());
}

/// Empties the disk again: what one test leaves would be found by the next.
class Refused : public testing::Test {
protected:
    void TearDown() override {
        appliance().call("wipe", [](guestfs_h* g) { return guestfs_zero_device(g, device); });
    }
};

TEST_F(Refused, windows_is_not_supported) {
    if (!guest::run_tool(appliance(), "command -v mkntfs")) {
        GTEST_SKIP() << "no mkntfs in this host's appliance (package ntfs-3g)";
    }
    appliance().call("mkfs", [](guestfs_h* g) { return guestfs_mkfs(g, "ntfs", device); });
    EXPECT_EQ(fault(), "Windows guests are not supported");
}

TEST_F(Refused, an_ostree_system_has_its_etc_elsewhere) {
    make_guest();
    appliance().call("mount", [](guestfs_h* g) { return guestfs_mount_vfs(g, "", "ext4", device, "/"); });
    appliance().call("mkdir", [](guestfs_h* g) { return guestfs_mkdir_p(g, "/ostree/deploy"); });
    guest::unmount_guest(appliance());
    EXPECT_THAT(fault(), HasSubstr("ostree"));
}

TEST_F(Refused, a_hibernated_guest_keeps_its_memory_on_disk) {
    const std::string node = guest::device_node(device);
    ASSERT_NO_FATAL_FAILURE(tool("mkswap -f " + node + " >/dev/null && printf S1SUSPEND | dd of=" + node +
                                 " bs=1 seek=4086 conv=notrunc status=none"));
    EXPECT_THAT(fault(), HasSubstr("hibernated"));
}

TEST_F(Refused, an_empty_disk_says_which_file_systems_were_seen) {
    EXPECT_THAT(fault(), HasSubstr("no operating system found"));
}

TEST_F(Refused, nothing_but_a_journal_to_replay_is_only_a_warning_and_a_finding) {
    make_guest();
    ASSERT_NO_FATAL_FAILURE(
        tool("debugfs -w -R 'feature needs_recovery' " + guest::device_node(device) + " >/dev/null 2>&1"));

    const guest::Inspection os = guest::open_guest(appliance(), {.root_device = device});

    EXPECT_THAT(os.warnings, Contains(HasSubstr("/dev/sdd: the guest was not shut down cleanly")));
    const sysprep::audit::GuestTree tree;
    const auto findings =
        sysprep::audit::check_guest({.tree = tree, .os = os, .expect = {}, .initramfs_identity = {}});
    EXPECT_THAT(findings, Contains(testing::Field(&sysprep::audit::Finding::detail,
                                                  HasSubstr("not unmounted cleanly"))));
    guest::unmount_guest(appliance());
}

}  // namespace
}  // namespace imgforge::test
