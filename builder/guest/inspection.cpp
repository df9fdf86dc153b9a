// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/inspection.hpp"

#include <fmt/format.h>
#include <guestfs.h>

#include <algorithm>
#include <array>
#include <charconv>
#include <set>

#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/device_resolver.hpp"
#include "builder/guest/file_system_list.hpp"
#include "builder/guest/system_facts.hpp"

namespace imgforge::guest {

namespace {

constexpr std::array<std::string_view, 8> linux_types{"ext2",  "ext3", "ext4", "xfs",
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

/// One inspection: the state that its steps share.
class Opening {
public:
    Opening(Appliance& appliance, const OpenOptions& options)
        : appliance_(appliance), fs_(appliance), options_(options) {}

    Inspection run() {
        os_.file_systems = list_file_systems(appliance_, false);
        open_containers();
        refuse_hibernated();
        find_root();
        read_system(appliance_, fs_, os_);
        mount_others();
        mount_esp();
        finish();
        return std::move(os_);
    }

private:
    void add_containers();
    void open_containers();
    void refuse_hibernated() const;
    void find_root();
    bool mount_candidate(const FileSystem& candidate);
    bool names_as_root(const std::vector<FstabEntry>& table, const std::string& mountable) const;
    bool is_claimed(const std::string& mountable) const;
    void claim(const std::string& root);
    void unmount_candidate();
    [[noreturn]] void no_root();
    void mount_others();
    void mount_one(const FstabEntry& entry);
    void mount_esp();
    void finish();
    void mount(const std::string& mountable, const std::string& mount_point);
    DeviceResolver resolver() const;
    std::vector<FstabEntry> fstab() {
        return fs_.exists("/etc/fstab") ? parse_fstab(read_small(fs_, "/etc/fstab"))
                                        : std::vector<FstabEntry>();
    }

    Appliance& appliance_;
    ApplianceFs fs_;
    const OpenOptions& options_;
    Inspection os_;
    std::vector<FstabEntry> fstab_;
    std::set<std::string> claimed_;  ///< devices that belong to the system found
};

/// guestfs_list_filesystems leaves LUKS out, as it does with all that only holds others. Both versions of the
/// header begin alike (LUKS1 On-Disk Format Specification; LUKS2 On-Disk Format Specification, 3.1).
void Opening::add_containers() {
    constexpr std::string_view magic("LUKS\xba\xbe", 6);
    std::vector<std::string> devices =
        take_strings(appliance_.call("disks", [](guestfs_h* g) { return guestfs_list_devices(g); }));
    for (char** more :
         {appliance_.call("partitions", [](guestfs_h* g) { return guestfs_list_partitions(g); }),
          appliance_.call("logical volumes", [](guestfs_h* g) { return guestfs_lvs(g); })}) {
        const std::vector<std::string> names = take_strings(more);
        devices.insert(devices.end(), names.begin(), names.end());
    }
    for (const std::string& device : devices) {
        const bool listed =
            std::any_of(os_.file_systems.begin(), os_.file_systems.end(),
                        [&](const FileSystem& file_system) { return file_system.mountable == device; });
        if (!listed && appliance_.read_device(device, 0, magic.size()) == magic) {
            FileSystem container;
            container.mountable = device;
            container.type = "crypto_LUKS";
            os_.file_systems.push_back(std::move(container));
        }
    }
}

void Opening::open_containers() {
    if (options_.passphrase_file.empty()) {
        return;
    }
    add_containers();
    std::vector<std::string> containers;
    for (const FileSystem& file_system : os_.file_systems) {
        if (file_system.type == "crypto_LUKS") {
            containers.push_back(file_system.mountable);
        }
    }
    if (containers.empty()) {
        return;
    }
    std::string passphrase = read_file(options_.passphrase_file, 1U << 20U);
    passphrase = passphrase.substr(0, passphrase.find('\n'));
    remember_secret(passphrase);
    for (std::size_t index = 0; index < containers.size(); ++index) {
        const std::string name = fmt::format("imgforge-luks{}", index);
        const int done = appliance_.attempt("opening of an encrypted volume", [&](guestfs_h* g) {
            return options_.read_only
                       ? guestfs_cryptsetup_open(g, containers[index].c_str(), passphrase.c_str(),
                                                 name.c_str(), GUESTFS_CRYPTSETUP_OPEN_READONLY, 1, -1)
                       : guestfs_cryptsetup_open(g, containers[index].c_str(), passphrase.c_str(),
                                                 name.c_str(), -1);
        });
        if (done != 0) {
            throw Error(Failure::guest,
                        fmt::format("cannot open the encrypted volume {} with the passphrase given",
                                    containers[index]));
        }
    }
    appliance_.call("LVM scan", [](guestfs_h* g) { return guestfs_lvm_scan(g, 1); });
    os_.encrypted = true;
    os_.file_systems = list_file_systems(appliance_, true);
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

void Opening::mount(const std::string& mountable, const std::string& mount_point) {
    const auto found =
        std::find_if(os_.file_systems.begin(), os_.file_systems.end(),
                     [&](const FileSystem& file_system) { return file_system.mountable == mountable; });
    const std::string type = mountable.starts_with("btrfsvol:") ? "btrfs"
                             : found == os_.file_systems.end()  ? ""
                                                                : found->type;
    mount_as(appliance_, mountable, type, mount_point, options_.read_only);
    os_.mountpoints.emplace_back(mount_point, mountable);
}

DeviceResolver Opening::resolver() const {
    return DeviceResolver(os_.file_systems, [this](const std::string& partition) {
        const std::size_t digits = partition.find_last_not_of("0123456789") + 1;
        int number = 0;
        std::from_chars(partition.data() + digits, partition.data() + partition.size(), number);
        const std::string disk = partition.substr(0, digits);
        std::string guid = take_string(appliance_.attempt("partition GUID", [&](guestfs_h* g) {
            return guestfs_part_get_gpt_guid(g, disk.c_str(), number);
        }));
        if (guid.empty()) {
            // MBR: disk signature and two digits of the partition (libblkid dos.c)
            const std::string signature = appliance_.read_device(disk, 440, 4);
            for (std::size_t index = signature.size(); index > 0; --index) {
                guid += fmt::format("{:02x}", static_cast<unsigned char>(signature[index - 1]));
            }
            guid += fmt::format("-{:02x}", number);
        }
        return guid;
    });
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
    const auto marks = fs_.glob_all(
        {"/etc/os-release", "/usr/lib/os-release", "/etc/fstab", "/bin", "/usr/bin", "/ostree/deploy"});
    const auto has = [&](std::string_view mark) {
        return std::find(marks.begin(), marks.end(), mark) != marks.end();
    };
    if (has("/ostree/deploy")) {
        throw Error(
            Failure::guest,
            fmt::format("{} holds an ostree system: its /etc lies in a deployment, which is not supported",
                        candidate.mountable));
    }
    return (has("/etc/os-release") || has("/usr/lib/os-release")) && (has("/bin") || has("/usr/bin"));
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

}  // namespace

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
