// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/file_system_list.hpp"

#include <algorithm>
#include <optional>
#include <string_view>
#include <utility>

#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/superblock.hpp"

namespace imgforge::guest {

namespace {

FileSystem described(std::string device, std::string type, const Superblock& block) {
    FileSystem found;
    found.mountable = std::move(device);
    found.type = block.hibernated ? "swap-hibernated" : std::move(type);
    found.uuid = block.uuid;
    found.label = block.label;
    found.dirty = block.needs_recovery;
    return found;
}

Superblock superblock_of(Appliance& appliance, const std::string& device) {
    return probe_superblock(appliance.read_device(device, 0, superblock_bytes));
}

std::vector<std::string> names(Appliance& appliance, std::string_view what, char** (*list)(guestfs_h*)) {
    return take_strings(appliance.call(what, list));
}

/// Partitions, and disks without any.
std::vector<std::string> plain_devices(Appliance& appliance) {
    std::vector<std::string> devices = names(appliance, "partitions", guestfs_list_partitions);
    const std::vector<std::string> partitions = devices;
    for (const std::string& disk : names(appliance, "disks", guestfs_list_devices)) {
        const bool divided =
            std::any_of(partitions.begin(), partitions.end(), [&](const std::string& partition) {
                return partition.substr(0, partition.find_last_not_of("0123456789") + 1) == disk;
            });
        if (!divided) {
            devices.push_back(disk);
        }
    }
    std::sort(devices.begin(), devices.end());
    return devices;
}

/// Nothing when there is something of which a superblock does not tell all.
std::optional<std::vector<FileSystem>> from_superblocks(Appliance& appliance) {
    std::vector<FileSystem> found;
    bool volumes = false;
    const auto look = [&](const std::string& device) {
        const Superblock block = superblock_of(appliance, device);
        volumes = volumes || block.type == "LVM2_member";
        if (block.type.empty() || block.type == "btrfs") {
            return false;
        }
        if (block.type != "LVM2_member" && block.type != "crypto_LUKS" && block.type != "jbd") {
            found.push_back(described(device, block.type, block));
        }
        return true;
    };
    const std::vector<std::string> devices = plain_devices(appliance);
    if (!names(appliance, "RAID arrays", guestfs_list_md_devices).empty() ||
        !std::all_of(devices.begin(), devices.end(), look)) {
        return std::nullopt;
    }
    if (volumes) {
        const std::vector<std::string> logical = names(appliance, "logical volumes", guestfs_lvs);
        if (!std::all_of(logical.begin(), logical.end(), look)) {
            return std::nullopt;
        }
    }
    return found;
}

std::vector<FileSystem> as_libguestfs_lists(Appliance& appliance) {
    std::vector<FileSystem> found;
    for (auto& [mountable, type] : appliance.file_systems()) {
        const bool whole = !mountable.starts_with("btrfsvol:");
        found.push_back(
            described(mountable, type, whole ? superblock_of(appliance, mountable) : Superblock()));
    }
    return found;
}

}  // namespace

std::vector<FileSystem> list_file_systems(Appliance& appliance, bool mapped) {
    auto found = mapped ? std::nullopt : from_superblocks(appliance);
    return found ? std::move(*found) : as_libguestfs_lists(appliance);
}

}  // namespace imgforge::guest
