// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <filesystem>
#include <optional>

namespace imgforge {

/// True when `folder` (or, when it is missing, its nearest existing parent) belongs to a group: set-group-ID
/// and writable by the group. That is how a store is shared: `chgrp builders DIR; chmod 2770 DIR`.
bool is_group_folder(const std::filesystem::path& folder);

/// The mode a new file in `folder` gets: in a directory of a group the group may do what the owner may, and
/// nothing is added elsewhere. For directories themselves with the set-group-ID bit.
unsigned shared_file_mode(const std::filesystem::path& folder, unsigned mode);
unsigned shared_folder_mode(const std::filesystem::path& folder, unsigned mode);

/// The group of those who may run machines, which the QEMU of qemu:///system belongs to: "kvm" in Debian and
/// its kin. Nothing where no such group exists.
std::optional<gid_t> qemu_group();

/// The user that the QEMU of qemu:///system runs as unless libvirt's configuration says otherwise:
/// "libvirt-qemu" in Debian and its kin, "qemu" in Fedora's and SUSE's. Nothing where there is neither.
std::optional<uid_t> qemu_user();

}  // namespace imgforge
