// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <string_view>

#include "sysprep/runner.hpp"

namespace imgforge::sysprep {

/// Old identifier -> new one, as settings write them: UUIDs of file systems, swap areas and partitions, disk
/// signatures with the number of a partition ("1a2b3c4d-01").
using UuidMap = std::map<std::string, std::string>;

/// `text` with every old identifier replaced, in whatever case it is written; the new one keeps the case.
std::string with_new_uuids(std::string_view text, const UuidMap& renewed);

/// Gives the guest's ext, XFS and btrfs file systems, swap areas, LVM volumes, partitions and disks new
/// identifiers and lets fstab, crypttab, the boot loader's settings and the initramfs follow, so that two
/// clones may be attached to one host. What cannot be renewed (FAT, LUKS, LVM below open encryption) is
/// noted. Leaves the guest mounted, with the new UUIDs in `session.os`. Throws Failure::guest when a program
/// of the guest that has to follow fails.
OperationReport renew_uuids(OfflineSession& session, const SysprepOptions& options);

}  // namespace imgforge::sysprep
