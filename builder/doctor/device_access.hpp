// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/stat.h>
#include <sys/types.h>

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::doctor {

/// A user of this host with every group a process of it gets at login.
struct HostUser {
    std::string name;
    uid_t uid = 0;
    std::vector<gid_t> groups{};
};

/// Nothing when the host has no such user.
std::optional<HostUser> host_user(const std::string& name);

/// Whether a process of the user may open the file for reading and writing by owner, groups and mode. Access
/// lists are not looked at.
bool may_read_and_write(const struct stat& file, const HostUser& user);

/// The user libvirt's system daemon runs QEMU as, from the text of qemu.conf ("user = …"; the last one
/// counts); Debian's default, libvirt-qemu, when it does not say.
std::string qemu_user(std::string_view qemu_conf);

}  // namespace imgforge::doctor
