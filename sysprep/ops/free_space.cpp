// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <guestfs.h>

#include <set>

#include "builder/base/error.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/inspection.hpp"
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

void trim(DeviceWork& work, const std::string& mountable, const std::string& type) {
    work.appliance.call("mount of " + mountable,
                        [&](guestfs_h* g) { return guestfs_mount_vfs(g, "nodev", type.c_str(), mountable.c_str(), "/"); });
    // A file system in the appliance of 4 KiB blocks, on a working disk of 4 KiB clusters: trim drops every free block.
    // Twice, because blocks that were freed since the last commit are left out the first time (RHEL-88450).
    bool trimmed = true;
    for (int round = 0; round < 2; ++round) {
        trimmed = work.appliance.attempt(
                      "trim of " + mountable, [](guestfs_h* g) { return guestfs_fstrim(g, "/", -1); }, std::chrono::hours(1)) == 0 &&
                  trimmed;
    }
    if (!trimmed) {
        work.appliance.call(
            "zeroing of free space on " + mountable, [](guestfs_h* g) { return guestfs_zero_free_space(g, "/"); }, std::chrono::hours(4));
    }
    guest::unmount_guest(work.appliance);
}

std::uint32_t little32(const std::string& bytes, std::size_t offset) {
    std::uint32_t value = 0;
    for (std::size_t index = 4; index > 0; --index) {
        value = (value << 8U) | static_cast<unsigned char>(bytes.at(offset + index - 1));
    }
    return value;
}

/// What of an ext superblock matters here (ext4 documentation, "Super Block").
struct Journal {
    bool own = false;          ///< has_journal, and it lies in the file system
    bool orphan_file = false;  ///< a feature that needs the journal and goes with it
    std::uint32_t megabytes = 0;
    bool small_blocks = false;
};

Journal journal_of(DeviceWork& work, const std::string& device) {
    const std::string block = work.appliance.read_device(device, 1024, 1024);
    constexpr std::uint32_t has_journal = 0x4;
    constexpr std::uint32_t has_orphan_file = 0x1000;
    constexpr std::uint32_t in_inode = 1;  // s_jnl_backup_type: s_jnl_blocks[15] and [16] hold the size of the journal's inode
    const std::uint32_t compatible = little32(block, 0x5c);
    const bool size_known = static_cast<std::uint8_t>(block.at(0xfd)) == in_inode && little32(block, 0x10c + 15 * 4) == 0;
    return {.own = (compatible & has_journal) != 0 && little32(block, 0xe4) == 0,
            .orphan_file = (compatible & has_orphan_file) != 0,
            .megabytes = size_known ? little32(block, 0x10c + 16 * 4) >> 20U : 0,
            .small_blocks = (1024U << little32(block, 0x18)) < 4096};
}

/// The journal keeps copies of directories and inodes: names and short links of what was deleted. Without it its blocks
/// are free space; a new one, of the same size, is made of zeros. guestfs(3) has no call for features.
void wipe_ext(DeviceWork& work, const std::string& device, const std::string& type) {
    const Journal journal = journal_of(work, device);
    const std::string node = guest::device_node(device);
    const char* const without = journal.orphan_file ? "^orphan_file,^has_journal" : "^has_journal";
    const bool removed = journal.own && guest::run_tool(work.appliance, fmt::format("tune2fs -O {} {}", without, node)).has_value();
    if (journal.own && !removed) {
        work.notes.push_back(fmt::format("the journal of {} could not be wiped; names of removed files may be in it: {}", device,
                                         work.appliance.last_error()));
    }
    // Without its journal ext3 is mounted by the ext4 driver.
    trim(work, device, removed && type == "ext3" ? "ext4" : type);
    if (journal.small_blocks) {
        work.appliance.call(
            "zeroing of free blocks on " + device, [&](guestfs_h* g) { return guestfs_zerofree(g, device.c_str()); },
            std::chrono::hours(2));
    }
    if (!removed) {
        return;
    }
    const std::string size = journal.megabytes > 0 ? fmt::format(" -J size={}", journal.megabytes) : "";
    const char* const orphans = journal.orphan_file ? ",orphan_file" : "";
    if (!guest::run_tool(work.appliance, fmt::format("tune2fs -O has_journal{}{} {}", orphans, size, node))) {
        throw Error(Failure::tool, fmt::format("the journal of {} could not be made again: {}", device, work.appliance.last_error()));
    }
}

void wipe_xfs(DeviceWork& work, const std::string& device) {
    trim(work, device, "xfs");
    // xfs_repair -L on a clean file system writes an empty log.
    if (work.appliance.attempt("log of " + device, [&](guestfs_h* g) {
            return guestfs_xfs_repair(g, device.c_str(), GUESTFS_XFS_REPAIR_FORCELOGZERO, 1, -1);
        }) != 0) {
        work.notes.push_back(fmt::format("the log of {} could not be wiped", device));
    }
}

void wipe_vfat(DeviceWork& work, const std::string& device) {
    // FAT clusters may be smaller than what a trim can drop.
    work.appliance.call("mount of " + device, [&](guestfs_h* g) { return guestfs_mount_vfs(g, "nodev", "vfat", device.c_str(), "/"); });
    work.appliance.call(
        "zeroing of free space on " + device, [](guestfs_h* g) { return guestfs_zero_free_space(g, "/"); }, std::chrono::hours(1));
    work.appliance.attempt("trim of " + device, [](guestfs_h* g) { return guestfs_fstrim(g, "/", -1); });
    guest::unmount_guest(work.appliance);
}

}  // namespace

Operation free_space_operation() {
    return {
        .name = "free-space",
        .heading = "Wipe free space and journals of all file systems",
        .reason = "deleted keys are still in the image file until their blocks are dropped",
        .source = "fstrim(8), zerofree(8), tune2fs(8); measured: trim alone leaves all data below the cluster size",
        .rows = {"C4"},
        .order = Operation::order_last,
        .on_devices =
            [](DeviceWork& work) {
                std::set<std::string> done;
                for (const auto& [mount_point, mountable] : work.os.mountpoints) {
                    const std::string device = guest::device_of(mountable);
                    if (!done.insert(device).second) {
                        continue;
                    }
                    std::string type;
                    for (const guest::FileSystem& file_system : work.os.file_systems) {
                        type = file_system.mountable == device ? file_system.type : type;
                    }
                    if (work.os.encrypted && device.starts_with("/dev/mapper/imgforge-luks")) {
                        work.notes.push_back(fmt::format("free space of {} is encrypted and was left as it is", device));
                    } else if (type.starts_with("ext")) {
                        wipe_ext(work, device, type);
                    } else if (type == "xfs") {
                        wipe_xfs(work, device);
                    } else if (type == "vfat") {
                        wipe_vfat(work, device);
                    } else {
                        trim(work, device, type);
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
