// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <regex>
#include <set>
#include <sstream>

#include "builder/base/handle.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

using Subvolumes = Handle<guestfs_btrfssubvolume_list, &guestfs_free_btrfssubvolume_list>;
using Volumes = Handle<guestfs_lvm_lv_list, &guestfs_free_lvm_lv_list>;

/// snapper(8) and timeshift name theirs like this.
bool is_snapshot(const std::string& path) {
    static const std::regex snapshot(
        R"((.*/)?\.snapshots/[0-9]+/snapshot|timeshift-btrfs/snapshots/[^/]+/.*|(.*/)?@?snapshots?/.+)");
    return std::regex_match(path, snapshot);
}

struct Lineage {
    std::string uuid;
    std::string parent;
};

/// Which subvolume each is a copy of: "ID … parent_uuid U uuid U path P" (btrfs-subvolume(8), list -a -q -u).
std::map<std::string, Lineage> lineages(DeviceWork& work) {
    std::map<std::string, Lineage> out;
    std::istringstream lines(
        guest::run_tool(work.appliance, "btrfs subvolume list -q -u /sysroot").value_or(""));
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        Lineage found;
        std::string path;
        for (std::string word; words >> word;) {
            if (word == "parent_uuid") {
                words >> found.parent;
            } else if (word == "uuid") {
                words >> found.uuid;
            } else if (word == "path") {
                std::getline(words >> std::ws, path);
            }
        }
        out[path] = found;
    }
    return out;
}

/// A copy of what is mounted, or a copy of such a copy, whatever its name and place. Layers of containers are
/// copies of each other and stay.
bool descends_from_mounted(const std::string& path, const std::map<std::string, Lineage>& all,
                           const std::set<std::string>& mounted) {
    const auto start = all.find(path);
    std::string parent = start == all.end() ? "" : start->second.parent;
    for (std::size_t depth = 0; depth < all.size() && !parent.empty() && parent != "-"; ++depth) {
        if (mounted.contains(parent)) {
            return true;
        }
        const auto next = std::find_if(all.begin(), all.end(),
                                       [&](const auto& entry) { return entry.second.uuid == parent; });
        parent = next == all.end() ? "" : next->second.parent;
    }
    return false;
}

void clean_btrfs(DeviceWork& work, const std::string& device) {
    // subvolid=5 is the top of the file system, whatever its default subvolume.
    work.appliance.call("mount of " + device, [&](guestfs_h* g) {
        return guestfs_mount_vfs(g, "subvolid=5", "btrfs", device.c_str(), "/");
    });
    const Subvolumes list(work.appliance.call("subvolumes of " + device, [&](guestfs_h* g) {
        return guestfs_btrfs_subvolume_list(g, device.c_str());
    }));
    const std::int64_t standard = work.appliance.attempt("default subvolume", [&](guestfs_h* g) {
        return guestfs_btrfs_subvolume_get_default(g, device.c_str());
    });
    const std::map<std::string, Lineage> family = lineages(work);
    std::set<std::string> in_use;  // UUIDs of what the guest mounts
    for (const auto& [path, lineage] : family) {
        const std::string mountable = "btrfsvol:" + device + "/" + path;
        if (std::any_of(work.os.mountpoints.begin(), work.os.mountpoints.end(),
                        [&, &volume = mountable](const auto& mount) { return mount.second == volume; })) {
            in_use.insert(lineage.uuid);
        }
    }
    std::vector<std::string> snapshots;
    for (std::uint32_t index = 0; index < list->len; ++index) {
        const std::string path = list->val[index].btrfssubvolume_path;
        const bool mounted =
            std::any_of(work.os.mountpoints.begin(), work.os.mountpoints.end(),
                        [&](const auto& mount) { return mount.second == "btrfsvol:" + device + "/" + path; });
        if ((is_snapshot(path) || descends_from_mounted(path, family, in_use)) && !mounted &&
            static_cast<std::int64_t>(list->val[index].btrfssubvolume_id) != standard) {
            snapshots.push_back("/" + path);
        }
    }
    // Inner ones first.
    std::sort(snapshots.begin(), snapshots.end(),
              [](const std::string& left, const std::string& right) { return left.size() > right.size(); });
    for (const std::string& path : snapshots) {
        work.appliance.call("removal of snapshot " + path,
                            [&](guestfs_h* g) { return guestfs_btrfs_subvolume_delete(g, path.c_str()); });
        work.changes.push_back({path, "remove", 0});
    }
    guest::unmount_guest(work.appliance);
}

void clean_lvm(DeviceWork& work) {
    const bool any = std::any_of(work.os.file_systems.begin(), work.os.file_systems.end(),
                                 [](const guest::FileSystem& file_system) {
                                     return file_system.mountable.starts_with("/dev/") &&
                                            file_system.mountable.find('/', 5) != std::string::npos;
                                 });
    if (!any) {
        return;
    }
    const Volumes volumes(
        work.appliance.call("logical volumes", [](guestfs_h* g) { return guestfs_lvs_full(g); }));
    const std::vector<std::string> paths = guest::take_strings(
        work.appliance.call("logical volumes", [](guestfs_h* g) { return guestfs_lvs(g); }));
    for (std::uint32_t index = 0; index < volumes->len; ++index) {
        const guestfs_lvm_lv& volume = volumes->val[index];
        // lvs(8) lv_attr: a leading 's' or 'S' is a snapshot.
        if (volume.lv_attr == nullptr || (volume.lv_attr[0] != 's' && volume.lv_attr[0] != 'S')) {
            continue;
        }
        for (const std::string& path : paths) {
            if (path.ends_with(std::string("/") + volume.lv_name)) {
                work.appliance.call("removal of snapshot " + path,
                                    [&](guestfs_h* g) { return guestfs_lvremove(g, path.c_str()); });
                work.changes.push_back({path, "remove", static_cast<std::uint64_t>(volume.lv_size)});
            }
        }
    }
}

}  // namespace

Operation snapshots_operation() {
    return {
        .name = "snapshots",
        .heading = "Remove btrfs and LVM snapshots",
        .reason = "they keep the old keys, hashes and machine ID",
        .source = "snapper(8), timeshift, lvmsnapshot",
        .rows = {"C14"},
        .on_devices =
            [](DeviceWork& work) {
                std::set<std::string> devices;
                for (const guest::FileSystem& file_system : work.os.file_systems) {
                    if (file_system.type == "btrfs") {
                        devices.insert(guest::device_of(file_system.mountable));
                    }
                }
                for (const std::string& device : devices) {
                    clean_btrfs(work, device);
                }
                clean_lvm(work);
            },
    };
}

}  // namespace imgforge::sysprep
