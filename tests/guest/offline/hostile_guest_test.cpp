// SPDX-License-Identifier: GPL-3.0-or-later
// Guests that are made to harm whoever opens them: the appliance and the rest of the guest stay as they were,
// and the run ends with a clean guest or an error that names the path.
#include <gmock/gmock.h>

#include <algorithm>

#include "builder/base/error.hpp"
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

using testing::HasSubstr;
using testing::IsEmpty;

constexpr const char* device = "/dev/sde";
constexpr std::size_t many = 10'000;

void run(guest::Appliance& appliance, const std::string& line) {
    ASSERT_TRUE(guest::run_tool(appliance, line)) << line << ": " << appliance.last_error();
}

/// All that a guest could reach in the appliance, were a path resolved there.
std::string appliance_picture(guest::Appliance& appliance) {
    return guest::run_tool(appliance,
                           "find /etc /usr/bin /usr/sbin /root /var/lib /tmp/bait -xdev -printf '%p %s %m %U "
                           "%T@ %l\\n' | sort | sha256sum")
        .value_or(appliance.last_error());
}

class HostileGuest : public testing::Test {
protected:
    void SetUp() override {
        run(appliance, std::string("mke2fs -q -F -t ext4 -N 120000 ") + guest::device_node(device));
        appliance.call("mount", [](guestfs_h* g) { return guestfs_mount_vfs(g, "", "ext4", device, "/"); });
        plant(appliance, {},
              std::string(device) + " / ext4 defaults 0 1\n/dev/zero /mnt/zero auto nofail 0 0\n");
        run(appliance, "mkdir -p /tmp/bait && echo bait >/tmp/bait/file");
        before = appliance_picture(appliance);
        ASSERT_THAT(before, HasSubstr(" -"));
    }
    void TearDown() override {
        EXPECT_EQ(appliance_picture(appliance), before) << "the appliance was changed";
        guest::unmount_guest(appliance);
    }

    /// Lines of a shell in the guest's root, run by the appliance's own programs.
    void in_guest(const std::string& lines) { run(appliance, "set -e; cd /sysroot; " + lines); }

    sysprep::SysprepReport clean(const sysprep::SysprepOptions& options = {}) {
        guest::unmount_guest(appliance);
        guest::Inspection os = guest::open_guest(appliance, {.root_device = device});
        sysprep::Needles needles;
        sysprep::OfflineSession session{&appliance, fs,   os, needles, SharedAppliance::get().monitor(),
                                        {},         false};
        auto report =
            sysprep::run_operations(session, sysprep::select_operations("", sysprep::all_operations()),
                                    options, sysprep::Devices::wiped);
        guest::mount_guest(appliance, os, false);
        return report;
    }

    std::string fault(const sysprep::SysprepOptions& options = {}) {
        try {
            clean(options);
        } catch (const Error& error) {
            return error.message();
        }
        return "no error";
    }

    guest::Appliance& appliance = SharedAppliance::get().appliance();
    guest::ApplianceFs fs{appliance};
    std::string before;
};

TEST_F(HostileGuest, links_nodes_pipes_and_odd_names_are_cleaned_and_what_they_lead_to_stays) {
    in_guest(
        "mkdir -p var/log root; cp -a etc/passwd etc/outside; "
        "ln -s loop var/log/loop; ln -s /etc var/log/etc; ln -s ../../../../../../etc tmp/up; ln -s "
        "/tmp/bait tmp/bait; "
        "ln -s /tmp/round2 tmp/round1; ln -s /tmp/round1 tmp/round2; mkdir -p tmp/deep; ln -s .. "
        "tmp/deep/parent; "
        "mkfifo var/log/pipe root/.bash_history tmp/pipe; mknod var/log/disk b 8 0; mknod var/log/null c 1 "
        "3; mknod tmp/disk b 8 0; "
        "ln etc/outside var/log/linked.log; "
        "touch \"$(printf 'tmp/two\\nlines')\" \"$(printf 'tmp/\\033[31mred')\" 'tmp/-rf' 'tmp/*' "
        "'tmp/{a,b}' 'tmp/ '; "
        "rm etc/machine-id; mknod etc/machine-id b 8 0; rm -f etc/hostname; mkfifo etc/hostname; "
        "mkdir -p etc/ssh/ssh_host_rsa_key/x; touch etc/ssh/ssh_host_rsa_key/x/y");

    const sysprep::SysprepReport report = clean();

    EXPECT_THAT(fs.list("/tmp"), IsEmpty());
    EXPECT_EQ(fs.read("/etc/machine-id"), "");
    EXPECT_EQ(fs.lstat("/etc/machine-id")->type, guest::FileType::regular);
    EXPECT_FALSE(fs.exists("/etc/ssh/ssh_host_rsa_key"));
    EXPECT_FALSE(fs.exists("/root/.bash_history"));
    EXPECT_EQ(fs.lstat("/var/log/linked.log")->size, 0U);
    EXPECT_GT(fs.lstat("/etc/outside")->size, 0U);
    EXPECT_EQ(fs.lstat("/var/log/pipe")->type, guest::FileType::fifo);
    EXPECT_EQ(fs.read("/home/user/document"), "mine");
    // A name cannot forge lines of the report or colour a terminal.
    EXPECT_THAT(report.to_text(true), HasSubstr("two\\x0alines"));
    EXPECT_THAT(report.to_text(true), testing::Not(HasSubstr("\033")));
    EXPECT_EQ(clean().change_count(), 0U);
}

TEST_F(HostileGuest, a_folder_of_ten_thousand_files_is_listed_and_emptied) {
    in_guest("mkdir -p tmp/many");
    appliance.call("fill",
                   [](guestfs_h* g) { return guestfs_fill_dir(g, "/tmp/many", static_cast<int>(many)); });

    const sysprep::SysprepReport report = clean();

    EXPECT_THAT(fs.list("/tmp"), IsEmpty());
    EXPECT_GT(report.change_count(), many);
}

TEST_F(HostileGuest, a_home_or_tmp_that_leads_into_the_system_is_refused_until_it_is_kept) {
    in_guest("rm -rf home/user/.ssh && ln -s /etc/ssh home/user/.ssh");

    EXPECT_THAT(fault(), HasSubstr("/home/user/.ssh of the guest leads to /etc/ssh"));
    EXPECT_TRUE(fs.exists("/etc/ssh/moduli"));
    EXPECT_EQ(fault({.keep = {"/home/user/.ssh"}}), "no error");
    EXPECT_TRUE(fs.exists("/etc/ssh/moduli"));

    in_guest("rm -rf tmp && ln -s ../../../../etc tmp");
    EXPECT_THAT(fault({.keep = {"/home/user/.ssh"}}), HasSubstr("/tmp of the guest leads to /etc"));
    EXPECT_TRUE(fs.exists("/etc/passwd"));
}

TEST_F(HostileGuest, an_etc_that_leads_out_of_the_guest_is_refused) {
    for (const char* target : {"../../../../../../etc", "/tmp/bait", "/etc"}) {
        in_guest(
            "if [ -d etc.real ]; then rm -f etc; else mv etc etc.real; fi; mkdir -p usr/lib tmp/bait; "
            "cp etc.real/os-release usr/lib/os-release; ln -s " +
            std::string(target) + " etc");

        // Without its fstab or behind a loop it is not a system at all; else the runner refuses the link.
        EXPECT_THAT(fault(), testing::AnyOf(HasSubstr("/etc of the guest is not a directory of its own"),
                                            HasSubstr("no operating system")))
            << target;
        guest::unmount_guest(appliance);
        appliance.call("mount",
                       [](guestfs_h* g) { return guestfs_mount_vfs(g, "nodev", "ext4", device, "/"); });
        EXPECT_TRUE(fs.exists("/etc.real/passwd")) << target;
    }
}

}  // namespace
}  // namespace imgforge::test
