// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/new_uuids.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"
#include "builder/base/text.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/guest/superblock.hpp"
#include "sysprep/audit/content_scan.hpp"
#include "sysprep/cleaner.hpp"

namespace imgforge::sysprep {

namespace {

std::string upper_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    return out;
}

class Renewal {
public:
    Renewal(OfflineSession& session, OperationReport& report)
        : appliance_(*session.appliance), os_(session.os), report_(report) {}

    /// With nothing mounted. Volume groups come last: their volumes must not be active.
    UuidMap run() {
        for (guest::FileSystem& system : os_.file_systems) {
            file_system(system);
        }
        for (const std::string& disk : guest::take_strings(
                 appliance_.call("disks", [](guestfs_h* g) { return guestfs_list_devices(g); }))) {
            partitions(disk);
        }
        volume_groups();
        return renewed_;
    }

private:
    void record(const std::string& what, const std::string& action) {
        report_.changes.push_back({what, action, 0});
    }

    std::string uuid_of(const std::string& device) {
        return guest::take_string(
            appliance_.attempt("UUID", [&](guestfs_h* g) { return guestfs_vfs_uuid(g, device.c_str()); }));
    }

    void file_system(guest::FileSystem& system) {
        const std::string device = guest::device_of(system.mountable);
        const bool ext = system.type.starts_with("ext");
        if (!ext && system.type != "swap" && system.type != "xfs" && system.type != "btrfs") {
            if (!system.type.empty() && system.type != "unknown") {
                report_.notes.push_back(fmt::format(
                    "{} keeps its identifier: {} has none that can be renewed here", device, system.type));
            }
            return;
        }
        if (!done_.contains(device)) {
            renew(device, system.type);
        }
        system.uuid = done_[device];
    }

    void renew(const std::string& device, const std::string& type) {
        const std::string old = uuid_of(device);
        if (type.starts_with("ext")) {
            // tune2fs demands a check after the last mount where checksums depend on the UUID.
            appliance_.call("check " + device, [&](guestfs_h* g) {
                return guestfs_e2fsck(g, device.c_str(), GUESTFS_E2FSCK_CORRECT, 1, -1);
            });
        }
        if (type == "swap") {
            swap_area(device);
        } else {
            appliance_.call("renew the UUID of " + device,
                            [&](guestfs_h* g) { return guestfs_set_uuid_random(g, device.c_str()); });
        }
        const std::string now = uuid_of(device);
        if (now == old) {
            throw Error(Failure::tool, fmt::format("{} ({}) still has the UUID {}", device, type, old),
                        "the image is unchanged; leave out --new-uuids");
        }
        renewed_[old] = now;
        done_[device] = now;
        record(device, "renew");
    }

    /// libguestfs' set_uuid_random (seen with 1.48) reports success for swap and writes nothing.
    void swap_area(const std::string& device) {
        const std::string bytes = guest::uuid_bytes(random_uuid());
        appliance_.call("renew the UUID of " + device, [&](guestfs_h* g) {
            return guestfs_pwrite_device(g, device.c_str(), bytes.data(), bytes.size(),
                                         static_cast<std::int64_t>(guest::swap_uuid_offset));
        });
    }

    void partitions(const std::string& disk) {
        const std::string table = guest::take_string(appliance_.attempt(
            "kind of table", [&](guestfs_h* g) { return guestfs_part_get_parttype(g, disk.c_str()); }));
        if (table == "gpt") {
            gpt(disk);
        } else if (table == "msdos") {
            signature(disk);
        }
    }

    void gpt(const std::string& disk) {
        guestfs_partition_list* const list = appliance_.attempt(
            "partitions", [&](guestfs_h* g) { return guestfs_part_list(g, disk.c_str()); });
        std::vector<int> numbers;
        for (std::uint32_t index = 0; list != nullptr && index < list->len; ++index) {
            numbers.push_back(static_cast<int>(list->val[index].part_num));
        }
        guestfs_free_partition_list(list);
        for (const int number : numbers) {
            const std::string old = guest::take_string(appliance_.attempt("PARTUUID", [&](guestfs_h* g) {
                return guestfs_part_get_gpt_guid(g, disk.c_str(), number);
            }));
            const std::string now = random_uuid();
            appliance_.call(fmt::format("renew the PARTUUID of {}{}", disk, number), [&](guestfs_h* g) {
                return guestfs_part_set_gpt_guid(g, disk.c_str(), number, now.c_str());
            });
            renewed_[lower_case(old)] = now;
            record(fmt::format("{}{}", disk, number), "renew");
        }
        appliance_.call("renew the GUID of " + disk,
                        [&](guestfs_h* g) { return guestfs_part_set_disk_guid_random(g, disk.c_str()); });
        record(disk, "renew");
    }

    /// Four bytes, little endian, before the table of an MBR; PARTUUID is they and the number.
    void signature(const std::string& disk) {
        constexpr std::int64_t place = 440;
        const std::string old = appliance_.read_device(disk, place, 4);
        const std::string hex = random_hex(4);
        std::string now;
        for (int byte = 3; byte >= 0; --byte) {
            now +=
                static_cast<char>(std::stoi(hex.substr(static_cast<std::size_t>(byte) * 2, 2), nullptr, 16));
        }
        appliance_.call("renew the signature of " + disk, [&](guestfs_h* g) {
            return guestfs_pwrite_device(g, disk.c_str(), now.data(), now.size(), place);
        });
        std::string text;
        for (int byte = 3; byte >= 0; --byte) {
            text += fmt::format("{:02x}", static_cast<unsigned char>(old[static_cast<std::size_t>(byte)]));
        }
        constexpr int most = 64;
        for (int number = 1; number < most; ++number) {
            renewed_[fmt::format("{}-{:02x}", text, number)] = fmt::format("{}-{:02x}", hex, number);
        }
        record(disk, "renew");
    }

    void volume_groups() {
        const auto groups = guest::take_strings(
            appliance_.attempt("volume groups", [](guestfs_h* g) { return guestfs_vgs(g); }));
        if (groups.empty()) {
            return;
        }
        if (os_.encrypted) {
            report_.notes.emplace_back("LVM keeps its UUIDs: encryption is open below or above it");
            return;
        }
        appliance_.call("stop LVM", [](guestfs_h* g) { return guestfs_vg_activate_all(g, 0); });
        appliance_.call("renew the UUIDs of LVM", [](guestfs_h* g) {
            return guestfs_pvchange_uuid_all(g) == -1 ? -1 : guestfs_vgchange_uuid_all(g);
        });
        appliance_.call("start LVM", [](guestfs_h* g) { return guestfs_vg_activate_all(g, 1); });
        for (const std::string& group : groups) {
            record("/dev/" + group, "renew");
        }
    }

    guest::Appliance& appliance_;
    guest::Inspection& os_;
    OperationReport& report_;
    UuidMap renewed_{};
    std::map<std::string, std::string> done_{};  ///< device -> its new UUID
};

const std::vector<std::string>& settings_with_uuids() {
    static const std::vector<std::string> patterns{
        "/etc/{fstab,crypttab,lilo.conf,zipl.conf,update-extlinux.conf,extlinux.conf}",
        "/etc/default/{grub,extlinux,u-boot}",
        "/etc/default/grub.d/*",
        "/etc/sysconfig/{grub,bootloader,kernel}",
        "/etc/kernel/cmdline*",
        "/etc/cmdline.d/*",
        "/etc/dracut.conf.d/*",
        "/etc/initramfs-tools/{initramfs.conf,conf.d/*}",
        "/etc/mkinitcpio.conf",
        "/etc/systemd/system/*.{mount,swap}",
        "/boot/{grub,grub2}/{grub.cfg,grubenv,custom.cfg,menu.lst,grub.conf}",
        "/{boot,efi,boot/efi}/EFI/*/{grub.cfg,grubenv}",
        "/{boot,efi,boot/efi}/loader/{loader.conf,entries/*.conf}",
        "/boot/{extlinux,syslinux}/*.{conf,cfg}",
        "/boot/{extlinux.conf,syslinux.cfg,cmdline.txt}"};
    return patterns;
}

/// Whether an image of the initramfs names one of the old identifiers, packed as it is.
bool names_old(const std::string& bytes, const UuidMap& renewed) {
    std::vector<audit::Pattern> patterns;
    for (const auto& [old, now] : renewed) {
        const std::size_t length = old.size();
        patterns.push_back({.rule = "old",
                            .label = "old",
                            .literal = old,
                            .caseless = true,
                            .verify = [length](std::string_view, std::size_t at) {
                                return std::optional<audit::Span>({at, length});
                            }});
    }
    const audit::Matcher matcher(std::move(patterns));
    audit::ContentScan scan(matcher);
    scan.file("/initramfs", bytes);
    return !scan.take_findings().empty();
}

void run_in_guest(Cleaner& cleaner, const std::string& script, const std::string& what) {
    constexpr std::chrono::minutes longest{30};
    const auto result = cleaner.fs().run(script, longest);
    if (result.code != 0) {
        throw Error(Failure::guest,
                    fmt::format("after the UUIDs were renewed the guest cannot {}: {}", what, result.output),
                    "the image is unchanged; leave out --new-uuids, or correct the guest first");
    }
}

void follow(Cleaner& cleaner, const guest::Inspection& os, const UuidMap& renewed) {
    for (const std::string& path : cleaner.fs().glob_all(settings_with_uuids())) {
        cleaner.edit(path, [&](const std::string& text) { return with_new_uuids(text, renewed); });
    }
    constexpr std::uint64_t limit = 512U << 20U;
    std::vector<std::string> stale;
    for (const std::string& image : cleaner.fs().glob_all({"/boot/initrd.img-*", "/boot/initramfs-*.img",
                                                           "/boot/initramfs-linux*.img", "/boot/initrd-*"})) {
        if (cleaner.fs().is_file(image) && names_old(cleaner.fs().read(image, limit), renewed)) {
            stale.push_back(image);
        }
    }
    if (!stale.empty()) {
        run_in_guest(
            cleaner,
            "if command -v update-initramfs >/dev/null; then update-initramfs -u -k all; "
            "elif command -v dracut >/dev/null; then dracut -f --regenerate-all; else mkinitcpio -P; fi",
            "rebuild its initramfs");
        for (const std::string& image : stale) {
            cleaner.changes.push_back({image, "rebuild", 0});
        }
    }
    // GRUB for BIOS finds a /boot on LVM by the UUIDs of group and volume in its core image.
    const auto boot = std::find_if(os.mountpoints.rbegin(), os.mountpoints.rend(), [](const auto& mount) {
        return mount.first == "/boot" || mount.first == "/";
    });
    const bool on_lvm = boot != os.mountpoints.rend() && !boot->second.starts_with("/dev/sd");
    if (on_lvm && cleaner.fs().is_directory("/boot/grub/i386-pc")) {
        run_in_guest(cleaner, "grub-install --target=i386-pc /dev/sda", "install GRUB again");
        cleaner.changes.push_back({"/dev/sda", "install GRUB", 0});
    }
}

}  // namespace

std::string with_new_uuids(std::string_view text, const UuidMap& renewed) {
    std::string out(text);
    for (const auto& [old, now] : renewed) {
        replace_all(out, lower_case(old), lower_case(now));
        replace_all(out, upper_case(old), upper_case(now));
    }
    return out;
}

OperationReport renew_uuids(OfflineSession& session, const SysprepOptions& options) {
    OperationReport report{"new-uuids",
                           "Renew the UUIDs of file systems, swap, LVM, partitions and disks",
                           "two clones that are attached to one host must not share them",
                           {},
                           {}};
    guest::unmount_guest(*session.appliance);
    const UuidMap renewed = Renewal(session, report).run();
    guest::mount_guest(*session.appliance, session.os, false);
    Cleaner cleaner(session.fs, session.os, options);
    follow(cleaner, session.os, renewed);
    report.changes.insert(report.changes.end(), cleaner.changes.begin(), cleaner.changes.end());
    report.notes.insert(report.notes.end(), cleaner.notes.begin(), cleaner.notes.end());
    return report;
}

}  // namespace imgforge::sysprep
