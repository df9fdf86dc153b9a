// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>

#include "builder/guest/appliance.hpp"

namespace imgforge::guest {

/// The label of the drive with this index (0 = /dev/sda), as start() gives it to libguestfs: letters only.
std::string drive_label(std::size_t index);

/// What a program of the appliance must be given for a device that libguestfs calls /dev/sdX or /dev/sdXN.
/// The kernel probes disks in parallel, so its own /dev/sda may be another drive, also the appliance's;
/// libguestfs translates names in its calls, but not in the text of a command line. The udev rule of
/// libguestfs links the labels. Names that are not /dev/sd… are returned as they are.
std::string device_node(const std::string& device);

/// Standard output of one of the appliance's own programs, never of the guest's (guestfs_debug "sh"). nullopt
/// when it failed: Appliance::last_error() has its message. The line must hold nothing that came from a
/// guest; devices go through device_node().
std::optional<std::string> run_tool(Appliance& appliance, const std::string& line,
                                    std::chrono::seconds deadline = Appliance::default_deadline);

/// A mountable of guestfs_list_filesystems with the name that its calls take: of btrfs subvolumes
/// ("btrfsvol:/dev/sdb1/@") it gives the kernel's device up to libguestfs 1.50, which may be another than
/// libguestfs' own of that name.
std::string with_stable_device(Appliance& appliance, const std::string& mountable);

}  // namespace imgforge::guest
