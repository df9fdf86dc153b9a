// SPDX-License-Identifier: GPL-3.0-or-later
// What is mounted in a guest in addition to its root.
#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "builder/guest/guestfs_library.hpp"
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
    auto mountable = resolver().mountable(entry);
    if (!mountable && entry.spec.starts_with("/dev/md")) {
        mountable = array_named(entry);
    }
    if (!mountable) {
        return complain("no file system of the image is that");
    }
    const auto target = mount_directory(fs_, entry.mount_point);
    if (!target) {
        unplaced_.push_back({*mountable, type_of(*mountable), entry.mount_point});
        return;
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

/// The appliance numbers RAID arrays anew; mdadm.conf(5) says which UUID the guest's name stands for.
std::optional<std::string> Opening::array_named(const FstabEntry& entry) {
    std::string wanted;
    for (const char* file : {"/etc/mdadm.conf", "/etc/mdadm/mdadm.conf"}) {
        std::istringstream lines(read_small(fs_, file));
        for (std::string line, word, name; std::getline(lines, line);) {
            std::istringstream words(line);
            if (!(words >> word >> name) || word != "ARRAY" || name != entry.spec) {
                continue;
            }
            while (words >> word) {
                wanted = word.starts_with("UUID=") ? word.substr(5) : wanted;
            }
        }
    }
    for (const FileSystem& file_system : os_.file_systems) {
        if (wanted.empty() || !file_system.mountable.starts_with("/dev/md")) {
            continue;
        }
        const std::vector<std::string> facts =
            take_strings(appliance_.attempt("facts of a RAID array", [&](guestfs_h* g) {
                return guestfs_md_detail(g, file_system.mountable.c_str());
            }));
        for (std::size_t at = 0; at + 1 < facts.size(); at += 2) {
            if (facts[at] == "uuid" && facts[at + 1] == wanted) {
                return file_system.mountable;
            }
        }
    }
    return std::nullopt;
}

bool Opening::is_mounted(const FileSystem& file_system) const {
    return std::any_of(os_.mountpoints.begin(), os_.mountpoints.end(), [&](const auto& mount) {
        return device_of(mount.second) == device_of(file_system.mountable);
    });
}

bool Opening::is_unplaced(const std::string& mountable) const {
    return std::any_of(unplaced_.begin(), unplaced_.end(), [&](const Unplaced& file_system) {
        return device_of(file_system.mountable) == device_of(mountable);
    });
}

/// What the guest's fstab does not name, or names by a directory that is missing, is searched, and its free
/// space wiped, as all else: mounted where a guest has empty directories for such. With a root that was
/// chosen what fstab does not name may be another system's, which is left alone.
void Opening::mount_unplaced() {
    for (const FileSystem& file_system : os_.file_systems) {
        const bool known = is_linux_type(file_system.type) || file_system.type == "vfat";
        if (options_.root_device.empty() && known && !is_mounted(file_system) &&
            !is_unplaced(file_system.mountable)) {
            unplaced_.push_back({file_system.mountable, file_system.type, ""});
        }
    }
    SparePlaces places(fs_, os_.mountpoints);
    for (const Unplaced& file_system : unplaced_) {
        if (std::any_of(os_.mountpoints.begin(), os_.mountpoints.end(),
                        [&](const auto& mount) { return mount.second == file_system.mountable; })) {
            continue;  // by another line of fstab
        }
        os_.warnings.push_back(
            places.give(file_system, [&](const std::string& place) { mount(file_system.mountable, place); }));
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
        const bool covered = is_mounted(file_system) || is_unplaced(file_system.mountable);
        if (!covered &&
            (is_linux_type(file_system.type) || file_system.type == "vfat" || file_system.type == "ntfs")) {
            os_.warnings.push_back(fmt::format("{} ({}) is not in the guest's fstab and is left alone",
                                               file_system.mountable, file_system.type));
        }
    }
}

}  // namespace imgforge::guest
