// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <vector>

#include "builder/base/error.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/image/disk_view.hpp"
#include "sysprep/ops/encryption.hpp"
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

/// btrfs removes a deleted subvolume in the background, and goes on with it at the next mount: until then its
/// blocks are in use and no trim drops them (btrfs-subvolume(8), "sync").
void await_deleted_subvolumes(DeviceWork& work, const std::string& device) {
    if (!guest::run_tool(work.appliance,
                         "btrfs subvolume sync -s 1 /sysroot && btrfs filesystem sync /sysroot",
                         std::chrono::hours(1))) {
        work.notes.push_back(fmt::format(
            "deleted subvolumes of {} may not be removed yet; what they held may still be on the disk: {}",
            device, work.appliance.last_error()));
    }
}

/// A file system in the appliance of 4 KiB blocks, on a working disk of 4 KiB clusters: trim drops every
/// block that is free. False where it cannot be trimmed; all that is free is zeros then.
bool trim_or_zero(DeviceWork& work, const std::string& mountable) {
    if (work.appliance.attempt(
            "trim of " + mountable, [](guestfs_h* g) { return guestfs_fstrim(g, "/", -1); },
            std::chrono::hours(1)) == 0) {
        return true;
    }
    work.appliance.call(
        "zeroing of free space on " + mountable, [](guestfs_h* g) { return guestfs_zero_free_space(g, "/"); },
        std::chrono::hours(4));
    return false;
}

void trim(DeviceWork& work, const std::string& mountable, const std::string& type) {
    const auto mounted = [&](const auto& action) {
        work.appliance.call("mount of " + mountable, [&](guestfs_h* g) {
            return guestfs_mount_vfs(g, "nodev", type.c_str(), mountable.c_str(), "/");
        });
        action();
        guest::unmount_guest(work.appliance);
    };
    if (type == "btrfs") {
        // Mounted for nothing else: what was freed is free for a trim only after the commit of the unmount
        // (seen: both copies of a leaf with inline files outlived two trims in the mount in which their
        // subvolume was removed).
        mounted([&] { await_deleted_subvolumes(work, mountable); });
    }
    // Twice but for ext, because blocks that were freed since the last commit are left out the first time
    // (RHEL-88450): ext has none when it is mounted anew, the others may free more in the background.
    bool trimmed = true;
    for (int round = 0; trimmed && round < (type.starts_with("ext") ? 1 : 2); ++round) {
        mounted([&] { trimmed = trim_or_zero(work, mountable); });
    }
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
    std::vector<image::ByteRange>
        ranges{};  ///< where it lies but for its own superblock; empty when that is unknown
};

std::uint32_t little16(const std::string& bytes, std::size_t offset) {
    return little32(bytes, offset) & 0xffffU;
}

/// The journal's place from the copy of its inode's block map in the superblock (s_jnl_blocks: an extent
/// header and up to four extents, "The Contents of inode.i_block"). Larger trees and block maps of ext3 give
/// nothing.
std::vector<image::ByteRange> journal_ranges(const std::string& block, std::uint64_t block_size) {
    constexpr std::size_t map = 0x10c;
    constexpr std::uint32_t extent_magic = 0xf30a;
    constexpr std::uint32_t longest = 32768;  // larger numbers mark extents that were never written
    const std::uint32_t count = little16(block, map + 2);
    if (little16(block, map) != extent_magic || count == 0 || count > 4 || little16(block, map + 6) != 0) {
        return {};
    }
    std::vector<image::ByteRange> ranges;
    for (std::size_t index = 0; index < count; ++index) {
        const std::size_t at = map + 12 + index * 12;
        const std::uint64_t start = (std::uint64_t{little16(block, at + 6)} << 32U) | little32(block, at + 8);
        const std::uint64_t blocks = little16(block, at + 4);
        if (blocks == 0 || blocks > longest || start == 0) {
            return {};
        }
        // Logical block 0 is the journal's own superblock, which says that it is empty.
        const std::uint64_t first = little32(block, at) == 0 ? 1 : 0;
        ranges.push_back({(start + first) * block_size, (blocks - first) * block_size});
    }
    return ranges;
}

Journal journal_of(DeviceWork& work, const std::string& device) {
    const std::string block = work.appliance.read_device(device, 1024, 1024);
    constexpr std::uint32_t has_journal = 0x4;
    constexpr std::uint32_t has_orphan_file = 0x1000;
    constexpr std::uint32_t in_inode =
        1;  // s_jnl_backup_type: s_jnl_blocks holds the block map and [16] the size of the inode
    const std::uint32_t compatible = little32(block, 0x5c);
    const std::uint64_t block_size = std::uint64_t{1024} << (little32(block, 0x18) & 0x7U);
    const bool known = static_cast<std::uint8_t>(block.at(0xfd)) == in_inode;
    const bool size_known = known && little32(block, 0x10c + 15 * 4) == 0;
    return {.own = (compatible & has_journal) != 0 && little32(block, 0xe4) == 0,
            .orphan_file = (compatible & has_orphan_file) != 0,
            .megabytes = size_known ? little32(block, 0x10c + 16 * 4) >> 20U : 0,
            .small_blocks = block_size < 4096,
            // Blocks smaller than a page would leave pieces of clusters.
            .ranges = known && block_size >= 4096 ? journal_ranges(block, block_size)
                                                  : std::vector<image::ByteRange>()};
}

/// Drops the blocks of an empty journal. False when they do not read as zeros afterwards.
bool discard_journal(DeviceWork& work, const std::string& device, const Journal& journal) {
    std::string line;
    for (const image::ByteRange& range : journal.ranges) {
        line += fmt::format("{}blkdiscard -f -o {} -l {} {}", line.empty() ? "" : " && ", range.start,
                            range.length, guest::device_node(device));
    }
    if (line.empty() || !guest::run_tool(work.appliance, line)) {
        return false;
    }
    // Whether discarded sectors read as zeros is up to the disk; ours do, and this makes sure.
    constexpr std::uint64_t sample = 64U << 10U;
    return std::all_of(journal.ranges.begin(), journal.ranges.end(), [&](const image::ByteRange& range) {
        const std::string bytes =
            work.appliance.read_device(device, range.start, std::min(range.length, sample));
        return bytes.find_first_not_of('\0') == std::string::npos;
    });
}

/// As discard_journal(), for journals whose place is unknown: without it its blocks are free space, which is
/// trimmed; a new one, of the same size, is made of zeros. guestfs(3) has no call for features.
void replace_journal(DeviceWork& work, const std::string& device, const std::string& type,
                     const Journal& journal) {
    const std::string node = guest::device_node(device);
    const char* const without = journal.orphan_file ? "^orphan_file,^has_journal" : "^has_journal";
    if (!guest::run_tool(work.appliance, fmt::format("tune2fs -O {} {}", without, node))) {
        work.notes.push_back(
            fmt::format("the journal of {} could not be wiped; names of removed files may be in it: {}",
                        device, work.appliance.last_error()));
        trim(work, device, type);
        return;
    }
    // Without its journal ext3 is mounted by the ext4 driver.
    trim(work, device, type == "ext3" ? "ext4" : type);
    const std::string size = journal.megabytes > 0 ? fmt::format(" -J size={}", journal.megabytes) : "";
    const char* const orphans = journal.orphan_file ? ",orphan_file" : "";
    if (!guest::run_tool(work.appliance, fmt::format("tune2fs -O has_journal{}{} {}", orphans, size, node))) {
        throw Error(Failure::tool, fmt::format("the journal of {} could not be made again: {}", device,
                                               work.appliance.last_error()));
    }
}

/// The journal keeps copies of directories and inodes: names and short links of what was deleted.
void wipe_ext(DeviceWork& work, const std::string& device, const std::string& type) {
    const Journal journal = journal_of(work, device);
    if (journal.own && journal.ranges.empty()) {
        replace_journal(work, device, type, journal);
    } else {
        trim(work, device, type);
        if (journal.own && !discard_journal(work, device, journal)) {
            replace_journal(work, device, type, journal);
        }
    }
    if (journal.small_blocks) {
        work.appliance.call(
            "zeroing of free blocks on " + device,
            [&](guestfs_h* g) { return guestfs_zerofree(g, device.c_str()); }, std::chrono::hours(2));
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
    work.appliance.call("mount of " + device, [&](guestfs_h* g) {
        return guestfs_mount_vfs(g, "nodev", "vfat", device.c_str(), "/");
    });
    work.appliance.call(
        "zeroing of free space on " + device, [](guestfs_h* g) { return guestfs_zero_free_space(g, "/"); },
        std::chrono::hours(1));
    work.appliance.attempt("trim of " + device, [](guestfs_h* g) { return guestfs_fstrim(g, "/", -1); });
    guest::unmount_guest(work.appliance);
}

}  // namespace

Operation free_space_operation() {
    return {
        .name = "free-space",
        .heading = "Wipe free space and journals of all file systems",
        .reason = "deleted keys are still in the image file until their blocks are dropped",
        .source =
            "fstrim(8), zerofree(8), tune2fs(8); measured: trim alone leaves all data below the cluster size",
        .rows = {"C4"},
        .order = Operation::order_last,
        .on_devices =
            [](DeviceWork& work) {
                if (work.list_only) {
                    return;
                }
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
                    if (is_encrypted(work, device)) {
                        work.notes.push_back(
                            fmt::format("free space of {} is encrypted and was not wiped", device));
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
