// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"

namespace imgforge::guest {

struct OpenOptions {
    bool read_only = false;                 ///< mount ro (the drive should be read-only too)
    std::filesystem::path passphrase_file;  ///< for LUKS; one passphrase a line, each is tried
    std::string root_device;                ///< which root file system, when the image holds several
};

/// Finds the guest's root, reads what it is, and mounts all its file systems: LVM, btrfs subvolumes, LUKS,
/// separate /boot /var /home, and the ESP even when fstab leaves it out. Leaves them mounted. Throws
/// Failure::guest for what cannot be worked on: no or several systems, Windows, ostree, encrypted without
/// passphrase, hibernated, a file system that /etc or /var needs and that does not mount.
Inspection open_guest(Appliance& appliance, const OpenOptions& options);

/// Unmounts everything; the devices stay open.
void unmount_guest(Appliance& appliance);
/// Mounts again what open_guest() had mounted.
void mount_guest(Appliance& appliance, const Inspection& os, bool read_only);

/// The device of a mountable without its btrfs subvolume.
std::string device_of(const std::string& mountable);

}  // namespace imgforge::guest
