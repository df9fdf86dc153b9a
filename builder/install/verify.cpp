// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/verify.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/log.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"

namespace imgforge::install {

namespace {

std::string first_of(guest::GuestFs& fs, const std::vector<std::string>& patterns) {
    for (const std::string& pattern : patterns) {
        const std::vector<std::string> found = fs.glob(pattern);
        if (!found.empty()) {
            return found.front();
        }
    }
    return {};
}

/// Boot code and the signature 55 AA of a master boot record: without them a BIOS starts nothing.
bool has_boot_record(guest::Appliance& appliance) {
    const std::string sector = appliance.read_device("/dev/sda", 0, 512);
    return sector.size() == 512 && sector[510] == '\x55' && sector[511] == '\xaa' &&
           sector.find_first_not_of('\0') < 440;
}

guest::ApplianceOptions read_only(const std::filesystem::path& disk, guest::Accelerator accelerator,
                                  std::uint64_t activity) {
    return {.drives = {{.file = disk, .format = "qcow2", .read_only = true}},
            .accelerator = accelerator,
            .parent_activity = activity};
}

/// Mounts the largest file system that mounts: on a half-installed disk there may be no system to be
/// recognised.
bool mount_something(guest::Appliance& appliance) {
    std::vector<std::pair<std::int64_t, std::string>> candidates;
    for (const auto& [device, type] : appliance.file_systems()) {
        if (type != "swap" && type != "unknown") {
            const std::string name = device;
            candidates.emplace_back(
                appliance.attempt("size",
                                  [&](guestfs_h* g) { return guestfs_blockdev_getsize64(g, name.c_str()); }),
                name);
        }
    }
    std::sort(candidates.rbegin(), candidates.rend());
    return std::any_of(candidates.begin(), candidates.end(), [&](const auto& candidate) {
        return appliance.attempt("mount", [&](guestfs_h* g) {
            return guestfs_mount_ro(g, candidate.second.c_str(), "/");
        }) == 0;
    });
}

std::string file_name(const std::string& path) {
    std::string name = path.substr(path.find_first_not_of('/'));
    std::replace(name.begin(), name.end(), '/', '-');
    return name;
}

}  // namespace

InstalledSystem verify_system(guest::GuestFs& fs, const guest::Inspection& os, const VerifyOptions& options) {
    InstalledSystem system{.os = os};
    std::vector<std::string> missing;
    system.kernel =
        first_of(fs, {"/boot/vmlinuz-*", "/boot/vmlinuz", "/usr/lib/modules/*/vmlinuz", "/boot/Image*"});
    if (system.kernel.empty()) {
        missing.emplace_back("a kernel in /boot");
    }
    system.boot_loader = first_of(
        fs, {"/boot/grub/grub.cfg", "/boot/grub2/grub.cfg", "/boot/extlinux.conf",
             "/boot/extlinux/extlinux.conf", "/boot/loader/entries/*.conf", "/boot/efi/EFI/*/grub.cfg"});
    if (system.boot_loader.empty()) {
        missing.emplace_back("a boot loader's configuration");
    }
    if (!options.marker_file.empty()) {
        const bool there = fs.is_file(options.marker_file);
        if (!there || fs.read(options.marker_file, 65536).find(options.marker) == std::string::npos) {
            missing.push_back(fmt::format("this run's marker in {}", options.marker_file));
        }
    }
    if (!missing.empty()) {
        throw Error(Failure::integrity,
                    fmt::format("the installed disk lacks {}", fmt::join(missing, " and ")),
                    "the installation did not run to its end; see the console log");
    }
    return system;
}

InstalledSystem verify_disk(const std::filesystem::path& disk, const VerifyOptions& options,
                            Monitor& monitor) {
    guest::Appliance appliance(read_only(disk, options.accelerator, options.activity), monitor);
    const guest::Inspection os =
        guest::open_guest(appliance, {.read_only = true, .passphrase_file = options.passphrase_file});
    guest::ApplianceFs fs(appliance);
    InstalledSystem system = verify_system(fs, os, options);
    if (options.bios && !has_boot_record(appliance)) {
        throw Error(Failure::integrity, "the installed disk has no boot code in its first sector",
                    "see the boot loader step in the console log");
    }
    appliance.finish();
    return system;
}

std::vector<std::string> pull_installer_logs(const std::filesystem::path& disk,
                                             const std::vector<std::string>& paths,
                                             const std::filesystem::path& folder,
                                             guest::Accelerator accelerator, Monitor& monitor) {
    std::vector<std::string> found;
    guest::Appliance appliance(read_only(disk, accelerator, 0), monitor);
    if (!mount_something(appliance)) {
        return found;
    }
    make_directories(folder, 0700);
    for (const std::string& path : paths) {
        const bool directory = appliance.attempt("look", [&](guestfs_h* g) {
            return guestfs_is_dir_opts(g, path.c_str(), -1);
        }) == 1;
        const bool file = !directory && appliance.attempt("look", [&](guestfs_h* g) {
            return guestfs_is_file_opts(g, path.c_str(), -1);
        }) == 1;
        if (!directory && !file) {
            continue;
        }
        const std::filesystem::path target = folder / (file_name(path) + (directory ? ".tar" : ""));
        // Directories stay packed: names and links that a guest chose do not become files of this host.
        const int copied = appliance.attempt("copy", [&](guestfs_h* g) {
            return directory ? guestfs_tar_out(g, path.c_str(), target.c_str())
                             : guestfs_download(g, path.c_str(), target.c_str());
        });
        if (copied == 0) {
            found.push_back(target.filename().string());
        } else {
            log::warn(fmt::format("installer log {}: {}", path, appliance.last_error()));
        }
    }
    return found;
}

}  // namespace imgforge::install
