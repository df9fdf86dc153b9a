// SPDX-License-Identifier: GPL-3.0-or-later
// --new-uuids on a guest of LVM with ext4, ext3, XFS and swap: all identifiers are new, and what names them.
#include <gmock/gmock.h>

#include <set>

#include <fmt/format.h>

#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "sysprep/new_uuids.hpp"
#include "tests/guest/offline/phony_guest.hpp"
#include "tests/guest/offline/shared_appliance.hpp"

namespace imgforge::test {
namespace {

using testing::HasSubstr;
using testing::Not;

constexpr const char* root = "/dev/vg-phony/root";
constexpr const char* swap_volume = "/dev/vg-phony/swap";
constexpr const char* boot = "/dev/sdb2";

std::string output_of(guest::Appliance& appliance, const std::string& line) {
    return guest::run_tool(appliance, line).value_or(appliance.last_error());
}

std::string uuid(guest::Appliance& appliance, const char* device) {
    return guest::take_string(
        appliance.call("uuid", [&](guestfs_h* g) { return guestfs_vfs_uuid(g, device); }));
}

/// Every identifier of the guest's disk by its place.
std::map<std::string, std::string> identifiers(guest::Appliance& appliance) {
    std::map<std::string, std::string> out;
    for (const char* device : {root, "/dev/vg-phony/var", "/dev/vg-phony/home", swap_volume, boot}) {
        out[device] = uuid(appliance, device);
    }
    for (int number = 1; number <= 3; ++number) {
        out[fmt::format("partition {}", number)] = guest::take_string(appliance.call(
            "partition", [&](guestfs_h* g) { return guestfs_part_get_gpt_guid(g, "/dev/sdb", number); }));
    }
    out["disk"] = guest::take_string(
        appliance.call("disk", [](guestfs_h* g) { return guestfs_part_get_disk_guid(g, "/dev/sdb"); }));
    out["group"] = output_of(appliance, "lvm vgs --noheadings -o vg_uuid vg-phony");
    out["volume"] =
        output_of(appliance, "lvm pvs --noheadings -o pv_uuid " + guest::device_node("/dev/sdb3"));
    return out;
}

TEST(NewUuids, are_given_to_all_and_named_by_fstab_boot_loader_and_resume) {
    SharedAppliance& shared = SharedAppliance::get();
    guest::Appliance& appliance = shared.appliance();
    guest::ApplianceFs fs(appliance);
    plant(appliance, {}, make_lvm(appliance, "/dev/sdb"));
    const std::string old_boot = uuid(appliance, boot);
    const std::string old_swap = uuid(appliance, swap_volume);
    fs.make_directory("/boot/grub");
    fs.write("/boot/grub/grub.cfg", "search --no-floppy --fs-uuid --set=root " + old_boot +
                                        "\n linux /vmlinuz root=" + root + " resume=UUID=" + old_swap + "\n");
    fs.make_directory("/etc/initramfs-tools/conf.d");
    fs.write("/etc/initramfs-tools/conf.d/resume", "RESUME=UUID=" + old_swap + "\n");
    guest::unmount_guest(appliance);
    const auto before = identifiers(appliance);
    guest::Inspection os = guest::open_guest(appliance, {.root_device = root});
    sysprep::Needles needles;
    sysprep::OfflineSession session{&appliance, fs, os, needles, shared.monitor(), {}, false};

    const sysprep::OperationReport report = sysprep::renew_uuids(session, {});

    const std::string grub = fs.read("/boot/grub/grub.cfg");
    EXPECT_THAT(grub, HasSubstr("--set=root " + uuid(appliance, boot)));
    EXPECT_THAT(grub, HasSubstr("resume=UUID=" + uuid(appliance, swap_volume)));
    EXPECT_THAT(grub, Not(HasSubstr(old_boot)));
    EXPECT_EQ(fs.read("/etc/initramfs-tools/conf.d/resume"),
              "RESUME=UUID=" + uuid(appliance, swap_volume) + "\n");
    EXPECT_THAT(fs.read("/etc/fstab"), HasSubstr("UUID=" + uuid(appliance, boot) + " /boot"));
    EXPECT_TRUE(fs.exists("/home/user/document")) << "all is mounted again";
    guest::unmount_guest(appliance);
    const auto after = identifiers(appliance);
    for (const auto& [place, identifier] : before) {
        EXPECT_NE(after.at(place), identifier) << place;
    }
    for (const guest::FileSystem& system : os.file_systems) {
        if (system.mountable == boot) {
            EXPECT_EQ(system.uuid, after.at(boot));
        }
    }
    EXPECT_GE(report.changes.size(), before.size());
}

}  // namespace
}  // namespace imgforge::test
