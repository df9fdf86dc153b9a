// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/inspection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <charconv>

#include "builder/guest/file_system_list.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/opening.hpp"
#include "builder/guest/system_facts.hpp"

namespace imgforge::guest {

static constexpr std::array<std::string_view, 8> linux_types{"ext2",  "ext3", "ext4", "xfs",
                                                             "btrfs", "f2fs", "jfs",  "reiserfs"};

bool is_linux_type(std::string_view type) {
    return std::find(linux_types.begin(), linux_types.end(), type) != linux_types.end();
}

/// The type is forced, so that no other driver is tried on untrusted bytes; nodev, so that a device node of
/// the guest never opens a device of the appliance.
void mount_as(Appliance& appliance, const std::string& mountable, const std::string& type,
              const std::string& mount_point, bool read_only) {
    const char* how = read_only ? "ro,nodev" : "nodev";
    appliance.call(fmt::format("mount of {} on {}", mountable, mount_point), [&](guestfs_h* g) {
        return type.empty() ? guestfs_mount_options(g, how, mountable.c_str(), mount_point.c_str())
                            : guestfs_mount_vfs(g, how, type.c_str(), mountable.c_str(), mount_point.c_str());
    });
}

Inspection Opening::run() {
    os_.file_systems = list_file_systems(appliance_, false);
    open_containers();
    refuse_hibernated();
    refuse_container_linux();
    find_root();
    mount_others();
    mount_esp();
    // Last: a /usr of its own holds os-release and the programs.
    read_system(appliance_, fs_, os_);
    mount_unplaced();
    finish();
    return std::move(os_);
}

void Opening::refuse_hibernated() const {
    for (const FileSystem& file_system : os_.file_systems) {
        if (file_system.type == "swap-hibernated") {
            throw Error(Failure::guest,
                        fmt::format("the guest is hibernated ({} holds its memory)", file_system.mountable),
                        "start the machine once and shut it down");
        }
    }
}

/// Their root alone looks like any other (os-release is a link into the image of /usr).
void Opening::refuse_container_linux() const {
    for (const FileSystem& file_system : os_.file_systems) {
        if (file_system.label == "USR-A" || file_system.label == "USR-B") {
            throw Error(
                Failure::guest,
                "CoreOS and Container Linux guests are not supported: their system is a read-only image");
        }
    }
}

/// Empty when the list of file systems does not have it.
std::string Opening::type_of(const std::string& mountable) const {
    const auto found =
        std::find_if(os_.file_systems.begin(), os_.file_systems.end(),
                     [&](const FileSystem& file_system) { return file_system.mountable == mountable; });
    return mountable.starts_with("btrfsvol:") ? "btrfs" : found == os_.file_systems.end() ? "" : found->type;
}

void Opening::mount(const std::string& mountable, const std::string& mount_point) {
    mount_as(appliance_, mountable, type_of(mountable), mount_point, options_.read_only);
    os_.mountpoints.emplace_back(mount_point, mountable);
}

/// "/dev/sda" and 2 of "/dev/sda2".
static std::pair<std::string, int> disk_and_number(const std::string& partition) {
    const std::size_t digits = partition.find_last_not_of("0123456789") + 1;
    int number = 0;
    std::from_chars(partition.data() + digits, partition.data() + partition.size(), number);
    return {partition.substr(0, digits), number};
}

DeviceResolver Opening::resolver() const {
    const auto guid = [this](const std::string& partition) {
        const auto [disk, number] = disk_and_number(partition);
        std::string found =
            take_string(appliance_.attempt("partition GUID", [&, disk = disk, number = number](guestfs_h* g) {
                return guestfs_part_get_gpt_guid(g, disk.c_str(), number);
            }));
        if (found.empty()) {
            // MBR: disk signature and two digits of the partition (libblkid dos.c)
            const std::string signature = appliance_.read_device(disk, 440, 4);
            for (std::size_t index = signature.size(); index > 0; --index) {
                found += fmt::format("{:02x}", static_cast<unsigned char>(signature[index - 1]));
            }
            found += fmt::format("-{:02x}", number);
        }
        return found;
    };
    const auto name = [this](const std::string& partition) {
        const auto [disk, number] = disk_and_number(partition);
        return take_string(
            appliance_.attempt("partition name", [&, disk = disk, number = number](guestfs_h* g) {
                return guestfs_part_get_name(g, disk.c_str(), number);
            }));
    };
    return DeviceResolver(os_.file_systems, guid, name);
}

bool Opening::names_as_root(const std::vector<FstabEntry>& table, const std::string& mountable) const {
    for (const FstabEntry& entry : table) {
        if (entry.mount_point == "/") {
            const auto named = resolver().mountable(entry);
            return named && *named == mountable;
        }
    }
    return false;
}

bool Opening::mount_candidate(const FileSystem& candidate) {
    try {
        mount(candidate.mountable, "/");
    } catch (const ApplianceError& error) {
        os_.warnings.push_back(error.message());
        return false;
    }
    // Systems older than os-release(5) have a file of their distribution's.
    const auto marks =
        fs_.glob_all({"/etc/os-release", "/usr/lib/os-release", "/bin", "/usr/bin", "/usr", "/etc/fstab",
                      "/ostree/deploy", "/etc/{debian_version,redhat-release,fedora-release,centos-release}",
                      "/etc/{SuSE,alpine,arch,gentoo,slackware}{-release,-version}"});
    const auto has = [&](std::string_view mark) {
        return std::find(marks.begin(), marks.end(), mark) != marks.end();
    };
    if (has("/ostree/deploy")) {
        throw Error(
            Failure::guest,
            fmt::format("{} holds an ostree system, whose /etc is inside a deployment; this is not supported",
                        candidate.mountable));
    }
    const bool named = std::any_of(marks.begin(), marks.end(), [](const std::string& mark) {
        return mark.ends_with("-release") || mark.ends_with("_version") || mark.ends_with("-version");
    });
    const bool programs = has("/bin") || has("/usr/bin") || (has("/usr") && has("/etc/fstab"));
    return named && programs;
}

void Opening::find_root() {
    std::vector<std::string> roots;
    const auto worth_a_look = [&](const FileSystem& candidate) {
        const bool wanted = options_.root_device.empty() || candidate.mountable == options_.root_device;
        return is_linux_type(candidate.type) && wanted && !is_claimed(candidate.mountable);
    };
    for (auto candidate = os_.file_systems.begin(); candidate != os_.file_systems.end(); ++candidate) {
        if (!worth_a_look(*candidate)) {
            continue;
        }
        if (mount_candidate(*candidate)) {
            const auto table = fstab();
            if (!options_.root_device.empty() || names_as_root(table, candidate->mountable)) {
                // Certain: what its fstab names, and other subvolumes beside it, need no look.
                fstab_ = table;
                claim(candidate->mountable);
            }
            roots.push_back(candidate->mountable);
            if (roots.size() == 1 &&
                std::none_of(std::next(candidate), os_.file_systems.end(), worth_a_look)) {
                // The usual end: it is mounted already.
                fstab_ = table;
                os_.root_device = roots.front();
                return;
            }
        }
        unmount_candidate();
    }
    if (roots.size() > 1) {
        throw Error(Failure::guest,
                    fmt::format("the image holds {} systems, on {}", roots.size(), fmt::join(roots, ", ")),
                    "say which one with --root DEVICE");
    }
    if (roots.empty()) {
        no_root();
    }
    mount(roots.front(), "/");
    fstab_ = fstab();
    os_.root_device = roots.front();
}

bool Opening::is_claimed(const std::string& mountable) const {
    return claimed_.contains(mountable) || claimed_.contains(device_of(mountable));
}

void Opening::claim(const std::string& root) {
    claimed_.insert(device_of(root));
    for (const FstabEntry& entry : fstab_) {
        if (const auto named = resolver().mountable(entry)) {
            claimed_.insert(device_of(*named));
        }
    }
}

void Opening::unmount_candidate() {
    if (!os_.mountpoints.empty()) {
        unmount_guest(appliance_);
        os_.mountpoints.clear();
    }
}

void Opening::no_root() {
    if (!os_.encrypted) {
        add_containers();
    }
    std::string seen;
    bool ntfs = false;
    bool luks = false;
    for (const FileSystem& file_system : os_.file_systems) {
        seen += fmt::format("{}{} {}", seen.empty() ? "" : ", ", file_system.mountable, file_system.type);
        ntfs = ntfs || file_system.type == "ntfs" || file_system.type == "BitLocker";
        luks = luks || file_system.type == "crypto_LUKS";
    }
    if (luks && !os_.encrypted) {
        throw Error(Failure::guest, "the image is encrypted (LUKS)",
                    "give the passphrase in a file: --passphrase-file FILE");
    }
    if (ntfs) {
        throw Error(Failure::guest, "Windows guests are not supported");
    }
    throw Error(Failure::guest, fmt::format("no operating system found in the image; file systems seen: {}",
                                            seen.empty() ? "none" : seen));
}

Inspection open_guest(Appliance& appliance, const OpenOptions& options) {
    return Opening(appliance, options).run();
}

void unmount_guest(Appliance& appliance) {
    appliance.call("sync", [](guestfs_h* g) { return guestfs_sync(g); });
    appliance.call("unmount of the guest's file systems", [](guestfs_h* g) { return guestfs_umount_all(g); });
}

void mount_guest(Appliance& appliance, const Inspection& os, bool read_only) {
    for (const auto& [mount_point, mountable] : os.mountpoints) {
        const auto known = std::find_if(
            os.file_systems.begin(), os.file_systems.end(),
            [&device = mountable](const FileSystem& file_system) { return file_system.mountable == device; });
        const std::string type = mountable.starts_with("btrfsvol:") ? "btrfs"
                                 : known == os.file_systems.end()   ? ""
                                                                    : known->type;
        mount_as(appliance, mountable, type, mount_point, read_only);
    }
}

std::string device_of(const std::string& mountable) {
    constexpr std::string_view prefix = "btrfsvol:";
    if (!mountable.starts_with(prefix)) {
        return mountable;
    }
    // btrfsvol:/dev/sda2/root and btrfsvol:/dev/vg/lv/root: the device ends after /dev/sdXN or /dev/VG/LV.
    const std::string rest = mountable.substr(prefix.size());
    const std::size_t first = rest.find('/', 5);
    const std::string head = rest.substr(0, first);
    if (head.starts_with("/dev/sd") || head.starts_with("/dev/md") || head.starts_with("/dev/vd")) {
        return head;
    }
    const std::size_t second = first == std::string::npos ? first : rest.find('/', first + 1);
    return rest.substr(0, second);
}

}  // namespace imgforge::guest
