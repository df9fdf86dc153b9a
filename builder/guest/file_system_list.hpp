// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"

namespace imgforge::guest {

/// All file systems and swap spaces of the disks, also on logical volumes and btrfs subvolumes; containers
/// (LUKS, LVM, partition tables) are left out. What superblocks tell is taken from them, since libguestfs
/// starts several programs for every device: a second and more under emulation. Devices that were mapped by
/// hand are found with `mapped` only.
std::vector<FileSystem> list_file_systems(Appliance& appliance, bool mapped);

}  // namespace imgforge::guest
