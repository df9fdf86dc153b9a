// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "builder/guest/os_files.hpp"
#include "sysprep/ops/encryption.hpp"
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

/// The first page holds version, UUID and label (mkswap(8)); everything after it is memory of the builder.
constexpr std::size_t page = 4096;

bool all_zero(const std::string& bytes) {
    return std::all_of(bytes.begin(), bytes.end(), [](char byte) { return byte == '\0'; });
}

void wipe_device(DeviceWork& work, const std::string& device) {
    if (is_encrypted(work, device)) {
        work.notes.push_back(fmt::format("swap on {} is encrypted and was not wiped", device));
        return;
    }
    const std::string header = work.appliance.read_device(device, 0, page);
    const int discarded = work.appliance.attempt(
        "discard of " + device, [&](guestfs_h* g) { return guestfs_blkdiscard(g, device.c_str()); });
    // Whether discarded sectors read as zeros is up to the disk; ours do, and this makes sure.
    if (discarded != 0 || !all_zero(work.appliance.read_device(device, page, page * 16))) {
        work.appliance.call(
            "wipe of " + device, [&](guestfs_h* g) { return guestfs_zero_device(g, device.c_str()); },
            std::chrono::hours(2));
    }
    work.appliance.call("swap header of " + device, [&](guestfs_h* g) {
        return guestfs_pwrite_device(g, device.c_str(), header.data(), header.size(), 0);
    });
    work.notes.push_back(fmt::format("swap on {} wiped; its UUID and label stay", device));
}

/// Takes fresh blocks for the file; the old ones become free space, which is wiped next.
void wipe_file(DeviceWork& work, guest::ApplianceFs& fs, const std::string& path) {
    const auto stat = fs.lstat(path);
    if (!stat || stat->type != guest::FileType::regular || stat->size <= page) {
        return;
    }
    const auto piece = [&](std::int64_t offset, std::size_t count) {
        std::size_t got = 0;
        char* raw = work.appliance.call("read of " + path, [&](guestfs_h* g) {
            return guestfs_pread(g, path.c_str(), static_cast<int>(count), offset, &got);
        });
        std::string bytes(raw, got);
        std::free(raw);
        return bytes;
    };
    constexpr int samples = 32;
    const auto step = static_cast<std::int64_t>((stat->size - page) / samples);
    bool used = false;
    for (int index = 0; index < samples && !used; ++index) {
        used = !all_zero(piece(static_cast<std::int64_t>(page) + index * step, page * 8));
    }
    if (!used) {
        return;
    }
    const std::string header = piece(0, page);
    const auto size = static_cast<std::int64_t>(stat->size);
    work.appliance.call("new blocks for " + path,
                        [&](guestfs_h* g) { return guestfs_truncate(g, path.c_str()); });
    work.appliance.call("new blocks for " + path,
                        [&](guestfs_h* g) { return guestfs_fallocate64(g, path.c_str(), size); });
    fs.chown(path, stat->uid, stat->gid);
    fs.chmod(path, stat->mode);
    work.appliance.call("swap header of " + path, [&](guestfs_h* g) {
        return guestfs_pwrite(g, path.c_str(), header.data(), header.size(), 0);
    });
    work.changes.push_back({path, "wipe", stat->size});
}

/// A swap file that fstab does not name: nothing uses it any more, and it holds memory all the same.
void remove_unused_files(Cleaner& cleaner) {
    const std::vector<guest::FstabEntry> entries = guest::parse_fstab(cleaner.read("/etc/fstab"));
    for (const std::string& path : cleaner.fs().glob_all(
             {"/{,.}swap{file,.img,.swp,.file,.0,0,1}", "/var/swap", "/var/{,lib/}swap{file,.img,/swapfile}",
              "/swap/{swapfile,swap.img}", "/mnt/swap{file,.img}", "/dphys-swapfile", "/var/vm/swapfile*"})) {
        const bool named = std::any_of(entries.begin(), entries.end(),
                                       [&](const guest::FstabEntry& entry) { return entry.spec == path; });
        const auto stat = cleaner.fs().lstat(path);
        if (!named && stat && stat->type == guest::FileType::regular) {
            cleaner.remove(path);
        }
    }
}

}  // namespace

Operation swap_operation() {
    return {
        .name = "swap",
        .heading = "Wipe swap space, keeping its UUID and label",
        .reason = "pages of memory hold keys and passwords",
        .source = "mkswap(8); virt-sparsify in_place.ml",
        .rows = {"C8"},
        .perform = remove_unused_files,
        .on_devices =
            [](DeviceWork& work) {
                for (const guest::FileSystem& file_system : work.os.file_systems) {
                    if (file_system.type == "swap") {
                        wipe_device(work, file_system.mountable);
                    }
                }
                std::vector<guest::FstabEntry> files = guest::parse_fstab(work.fstab);
                std::erase_if(files, [](const guest::FstabEntry& entry) {
                    return entry.type != "swap" || !entry.spec.starts_with("/") ||
                           entry.spec.starts_with("/dev/");
                });
                if (files.empty()) {
                    return;
                }
                guest::mount_guest(work.appliance, work.os, false);
                guest::ApplianceFs fs(work.appliance);
                for (const guest::FstabEntry& entry : files) {
                    wipe_file(work, fs, entry.spec);
                }
                guest::unmount_guest(work.appliance);
            },
    };
}

}  // namespace imgforge::sysprep
