// SPDX-License-Identifier: GPL-3.0-or-later
// What is mounted besides a guest's root.
#include <fmt/format.h>
#include <guestfs.h>

#include <algorithm>
#include <set>

#include "builder/guest/opening.hpp"

namespace imgforge::guest {

void Opening::mount_others() {
    std::vector<FstabEntry> entries;
    for (const FstabEntry& entry : fstab_) {
        const bool plain = entry.mount_point.size() > 1 && entry.mount_point.front() == '/' &&
                           entry.mount_point.find("/..") == std::string::npos;
        const bool from_disk = entry.spec.starts_with("/dev/") || entry.spec.find('=') != std::string::npos;
        if (plain && from_disk && !entry.has("bind") && entry.type != "swap" && entry.type != "iso9660" &&
            entry.type != "udf" && !entry.spec.starts_with("/dev/cdrom") &&
            !entry.spec.starts_with("/dev/sr")) {
            entries.push_back(entry);
        }
    }
    std::stable_sort(entries.begin(), entries.end(), [](const FstabEntry& left, const FstabEntry& right) {
        return left.mount_point.size() < right.mount_point.size();
    });
    for (const FstabEntry& entry : entries) {
        mount_one(entry);
    }
}

void Opening::mount_one(const FstabEntry& entry) {
    static const std::set<std::string> needed{"/boot", "/usr",  "/var",     "/etc",
                                              "/home", "/root", "/var/log", "/var/lib"};
    const bool fatal = needed.contains(entry.mount_point) && !entry.has("nofail");
    const auto complain = [&](const std::string& reason) {
        const std::string sentence =
            fmt::format("{} (fstab: {}) cannot be mounted: {}", entry.mount_point, entry.spec, reason);
        if (fatal) {
            throw Error(Failure::guest, sentence,
                        "secrets on it would stay behind; correct the guest's fstab or give all its disks");
        }
        os_.warnings.push_back(sentence);
    };
    const auto mountable = resolver().mountable(entry);
    const auto target = fs_.resolve(entry.mount_point);
    if (!mountable) {
        return complain("no file system of the image is that");
    }
    if (!target || !fs_.is_directory(*target)) {
        return complain("the mount point does not exist in the guest");
    }
    for (const auto& mounted : os_.mountpoints) {
        if (mounted.first == *target) {
            return;
        }
    }
    try {
        mount(*mountable, *target);
    } catch (const ApplianceError& error) {
        complain(error.message());
    }
}

void Opening::mount_esp() {
    // systemd-boot and GRUB keep random-seed and loader entries on it; fstab may leave it out or say noauto.
    for (const FileSystem& file_system : os_.file_systems) {
        const bool mounted =
            std::any_of(os_.mountpoints.begin(), os_.mountpoints.end(),
                        [&](const auto& mount) { return mount.second == file_system.mountable; });
        if (file_system.type != "vfat" || mounted) {
            continue;
        }
        for (const std::string_view place : {"/boot/efi", "/efi"}) {
            const bool taken = std::any_of(os_.mountpoints.begin(), os_.mountpoints.end(),
                                           [&](const auto& mount) { return mount.first == place; });
            const auto target = fs_.resolve(place);
            if (!taken && target == place && fs_.is_directory(place)) {
                mount(file_system.mountable, std::string(place));
                break;
            }
        }
    }
}

void Opening::finish() {
    for (FileSystem& file_system : os_.file_systems) {
        for (const auto& [mount_point, mountable] : os_.mountpoints) {
            if (mountable == file_system.mountable) {
                file_system.mount_point = mount_point;
            }
        }
        if (file_system.dirty) {
            os_.warnings.push_back(fmt::format(
                "{}: the guest was not shut down cleanly; its journal was replayed", file_system.mountable));
        }
        const bool covered = std::any_of(
            os_.mountpoints.begin(), os_.mountpoints.end(),
            [&](const auto& mount) { return device_of(mount.second) == device_of(file_system.mountable); });
        if (!covered &&
            (is_linux_type(file_system.type) || file_system.type == "vfat" || file_system.type == "ntfs")) {
            os_.warnings.push_back(fmt::format("{} ({}) is not in the guest's fstab and is left alone",
                                               file_system.mountable, file_system.type));
        }
    }
}

}  // namespace imgforge::guest
