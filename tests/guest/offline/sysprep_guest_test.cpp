// SPDX-License-Identifier: GPL-3.0-or-later
// Canaries for every operation on real file systems: all gone, also from the disk's bytes; nothing else
// touched.
#include <gmock/gmock.h>

#include <algorithm>

#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/image/disk_view.hpp"
#include "sysprep/audit/block_locator.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "tests/guest/offline/phony_guest.hpp"
#include "tests/guest/offline/shared_appliance.hpp"

namespace imgforge::test {
namespace {

using testing::IsEmpty;

struct Layout {
    const char* name;
    const char* disk;
    const char* root;
    std::string (*make)(guest::Appliance&, const std::string&);
    void (*snapshot)(guest::Appliance&) = nullptr;  ///< copies the planted guest, traces and all
    const char* snapshot_name = "";
};

void snapshot_btrfs(guest::Appliance& appliance) {
    appliance.call(
        "mount", [](guestfs_h* g) { return guestfs_mount_vfs(g, "subvolid=5", "btrfs", "/dev/sdc1", "/"); });
    appliance.call("mkdir", [](guestfs_h* g) { return guestfs_mkdir_p(g, "/.snapshots/1"); });
    appliance.call("snapshot", [](guestfs_h* g) {
        return guestfs_btrfs_subvolume_snapshot(g, "/@", "/.snapshots/1/snapshot");
    });
    guest::unmount_guest(appliance);
}

void snapshot_lvm(guest::Appliance& appliance) {
    ASSERT_TRUE(
        guest::run_tool(appliance, "lvm lvcreate -q -s -n before -L 32M /dev/vg-phony/var >/dev/null 2>&1"))
        << appliance.last_error();
}

const Layout plain{"plain", "/dev/sda", "/dev/sda1", make_plain};
const Layout lvm{"lvm", "/dev/sdb", "/dev/vg-phony/root", make_lvm, snapshot_lvm, "/dev/vg-phony/before"};
const Layout btrfs{"btrfs",    "/dev/sdc",     "btrfsvol:/dev/sdc1/@",
                   make_btrfs, snapshot_btrfs, "/.snapshots/1/snapshot"};

/// What sysprep may change apart from removing canaries.
bool may_change(const std::string& path, const std::vector<Canary>& planted) {
    if (path == "/etc/machine-id" || path == "/etc/hostname" || path.starts_with("/tmp/link-") ||
        path.find("imgforge-") != std::string::npos || path == "/etc/systemd/system" ||
        path == "/etc/systemd/system/multi-user.target.wants" || path == "/etc/netplan/90-dhcp.yaml") {
        return true;
    }
    return std::any_of(planted.begin(), planted.end(), [&](const Canary& canary) {
        return canary.path == path || canary.path.starts_with(path + "/");
    });
}

void expect_clean(guest::GuestFs& fs, const std::vector<Canary>& planted) {
    for (const Canary& canary : planted) {
        const auto stat = fs.lstat(canary.path);
        if (stat && stat->type == guest::FileType::regular) {
            EXPECT_EQ(fs.read(canary.path).find(canary.mark), std::string::npos)
                << canary.operation << " left " << canary.path;
        }
    }
    EXPECT_EQ(fs.read("/etc/machine-id"), "");
    EXPECT_EQ(fs.lstat("/etc/machine-id")->mode, 0444U);
}

void check_layout(const Layout& layout) {
    SharedAppliance& shared = SharedAppliance::get();
    guest::Appliance& appliance = shared.appliance();
    guest::ApplianceFs fs(appliance);
    const std::vector<Canary> planted = canaries(layout.name);
    plant(appliance, planted, layout.make(appliance, layout.disk));
    guest::unmount_guest(appliance);
    if (layout.snapshot != nullptr) {
        ASSERT_NO_FATAL_FAILURE(layout.snapshot(appliance));
    }

    guest::Inspection os = guest::open_guest(appliance, {.root_device = layout.root});
    EXPECT_EQ(os.family, "debian");
    EXPECT_EQ(os.hostname, "phony");
    const auto before = picture(appliance);
    sysprep::Needles needles;
    sysprep::OfflineSession session{&appliance, fs, os, needles, shared.monitor(), {}, false};
    const auto operations = sysprep::select_operations("", sysprep::all_operations());

    const sysprep::SysprepReport first =
        sysprep::run_operations(session, operations, {}, sysprep::Devices::wiped);
    guest::mount_guest(appliance, os, false);
    const auto after = picture(appliance);
    const sysprep::SysprepReport second =
        sysprep::run_operations(session, operations, {}, sysprep::Devices::listed);
    guest::mount_guest(appliance, os, false);

    expect_clean(fs, planted);
    EXPECT_GE(first.change_count(), planted.size());
    EXPECT_EQ(second.change_count(), 0U) << second.to_text(true);
    EXPECT_THAT(first.to_text(true), testing::HasSubstr(layout.snapshot_name));
    for (const auto& [path, line] : before) {
        if (!may_change(path, planted)) {
            const auto found = after.find(path);
            EXPECT_TRUE(found != after.end() && found->second == line)
                << path << ": " << line << " became " << (found == after.end() ? "nothing" : found->second);
        }
    }
    EXPECT_TRUE(after.contains("/home/user/document"));
    // Journals are wiped: a note would say why one was not.
    EXPECT_THAT(first.to_text(false), testing::Not(testing::HasSubstr("could not be wiped")));
    EXPECT_THAT(first.to_text(false), testing::Not(testing::HasSubstr("may not be removed yet")));
    guest::unmount_guest(appliance);
}

/// Features and size of the journal, as dumpe2fs prints them.
std::string journal_facts(guest::Appliance& appliance, const std::string& device) {
    return guest::run_tool(appliance, "dumpe2fs -h " + guest::device_node(device) +
                                          " 2>/dev/null | grep -E '^(Filesystem features|Total journal)'")
        .value_or("");
}

TEST(SysprepOnGuest, cleans_a_plain_ext4_guest_and_makes_its_journal_and_orphan_file_anew) {
    check_layout(plain);
    guest::Appliance& appliance = SharedAppliance::get().appliance();
    const std::string facts = journal_facts(appliance, plain.root);
    EXPECT_THAT(facts, testing::HasSubstr("has_journal"));
    EXPECT_THAT(facts, testing::HasSubstr("orphan_file"));
    // mke2fs(8): what a file system of 1 GiB gets.
    EXPECT_THAT(facts, testing::ContainsRegex("Total journal size: +16M"));
    EXPECT_EQ(guest::run_tool(appliance,
                              "e2fsck -fn " + guest::device_node(plain.root) + " >/dev/null 2>&1; echo $?"),
              "0");
}

TEST(SysprepOnGuest, names_the_file_that_a_byte_of_the_disk_lies_in) {
    SharedAppliance& shared = SharedAppliance::get();
    guest::Appliance& appliance = shared.appliance();
    const TempDir work("imgforge-locate-test");
    // Nothing is mounted, so the file is complete; QEMU keeps it locked.
    std::filesystem::copy_file(shared.disk(0), work / "copy.qcow2");
    guest::Inspection os = guest::open_guest(appliance, {.read_only = true, .root_device = plain.root});
    guest::ApplianceFs fs(appliance);
    sysprep::Needles needles;
    sysprep::OfflineSession session{&appliance, fs, os, needles, shared.monitor(), work.path(), true};
    SystemProcessRunner processes;
    const image::DiskView view(
        processes, image::read_backing_chain(work / "copy.qcow2", image::DiskFormat::qcow2), work.path());
    std::vector<std::uint64_t> offsets;
    for (const image::ByteRange& range : view.data()) {
        std::string bytes;
        view.read(range.start, range.length, bytes);
        const std::size_t at = bytes.find(readme_mark);
        if (at != std::string::npos) {
            offsets.push_back(range.start + at);
        }
    }
    ASSERT_EQ(offsets.size(), 1U);

    const auto files = sysprep::audit::locate_files(session, view, offsets);

    // Also where the kernel of the appliance has found the disks in another order.
    ASSERT_EQ(files.size(), 1U) << guest::run_tool(appliance, "ls -l /dev/disk/guestfs").value_or("");
    EXPECT_EQ(files.begin()->second, "/usr/share/doc/readme");
    guest::unmount_guest(appliance);
}

TEST(SysprepOnGuest, cleans_btrfs_subvolumes) {
    check_layout(btrfs);
}

// After the others: its ESP would be taken for theirs, as all disks hang on one appliance.
TEST(SysprepOnGuest, cleans_lvm_with_xfs_separate_boot_and_var_and_an_esp_not_in_fstab) {
    check_layout(lvm);
    guest::Appliance& appliance = SharedAppliance::get().appliance();
    appliance.call("mount", [](guestfs_h* g) { return guestfs_mount_vfs(g, "", "xfs", lvm.root, "/"); });
    EXPECT_EQ(guest::ApplianceFs(appliance).lstat(hidden_log)->size, 0U)
        << "a log that the mount point /var hides";
    guest::unmount_guest(appliance);
    const std::string check = "e2fsck -fn /dev/vg-phony/home >/dev/null 2>&1; echo $?";
    EXPECT_EQ(guest::run_tool(appliance, check), "0") << "the file system whose journal was made anew";
}

TEST(SysprepOnGuest, refuses_an_image_with_several_systems_unless_told_which) {
    guest::Appliance& appliance = SharedAppliance::get().appliance();
    try {
        guest::open_guest(appliance, {});
        ADD_FAILURE() << "opened one of several systems";
    } catch (const Error& error) {
        EXPECT_THAT(error.message(), testing::HasSubstr("systems"));
    }
    guest::unmount_guest(appliance);
}

/// Last in the file: shuts the appliance down.
TEST(SysprepOnGuest, leaves_no_byte_of_a_canary_in_a_new_file_of_the_disk) {
    SharedAppliance& shared = SharedAppliance::get();
    shared.finish();
    SystemProcessRunner processes;
    for (int index = 0; index < 3; ++index) {
        const std::filesystem::path raw = shared.disk(index).string() + ".raw";
        run_checked(processes, {.program = "qemu-img",
                                .args = {"convert", "-f", "qcow2", "-O", "raw", shared.disk(index).string(),
                                         raw.string()}});
        const ProcessResult found = processes.run(
            {.program = "grep",
             .args = {"-a", "-o", "-b", "-E", "CANARY[a-z]+(x[0-9]{3}zq|memory)", raw.string()}});
        EXPECT_EQ(found.out, "") << "disk " << index;
        std::filesystem::remove(raw);
    }
}

}  // namespace
}  // namespace imgforge::test
