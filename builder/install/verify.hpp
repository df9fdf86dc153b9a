// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"

namespace imgforge::install {

/// What the offline look at an installed disk found.
struct InstalledSystem {
    guest::Inspection os;
    std::string kernel;       ///< path of one, "/boot/vmlinuz-6.12.94+deb13-cloud-amd64"
    std::string boot_loader;  ///< its configuration, "/boot/grub/grub.cfg"
};

struct VerifyOptions {
    std::string marker;       ///< must stand in `marker_file` of the guest
    std::string marker_file;  ///< "/var/lib/imgforge-result"
    bool bios = true;         ///< the disk must start with boot code
    guest::Accelerator accelerator = guest::Accelerator::tcg;
    std::uint64_t activity = 0;
    std::filesystem::path passphrase_file{};  ///< opens encrypted volumes; empty: there are none
};

/// Mounted guest: kernel, boot loader and marker. Throws Failure::integrity with everything that is missing.
InstalledSystem verify_system(guest::GuestFs& fs, const guest::Inspection& os, const VerifyOptions& options);

/// Opens the qcow2 read-only in the appliance, finds the system, and verifies it. Throws Failure::integrity
/// when it is not an installed system, and what the appliance throws.
InstalledSystem verify_disk(const std::filesystem::path& disk, const VerifyOptions& options,
                            Monitor& monitor);

/// Copies what an installer wrote on a half-installed disk (files, and directories as .tar) into `folder`;
/// mounts what can be mounted, read-only. Missing paths are fine. Returns the names of what was found.
std::vector<std::string> pull_installer_logs(const std::filesystem::path& disk,
                                             const std::vector<std::string>& paths,
                                             const std::filesystem::path& folder,
                                             guest::Accelerator accelerator, Monitor& monitor);

}  // namespace imgforge::install
