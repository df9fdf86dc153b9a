// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/guest/appliance_fs.hpp"
#include "tests/support/phony_debian.hpp"

namespace imgforge::test {

/// Plants a small Debian with the canaries and files that must stay into the mounted file systems.
void plant(guest::Appliance& appliance, const std::vector<Canary>& canaries, const std::string& fstab);

/// Path -> type, mode, owner, target of a link, content and attributes of everything below the root.
std::map<std::string, std::string> picture(guest::Appliance& appliance);

/// Partitions and formats; each mounts the new file systems and returns its fstab.
std::string make_plain(guest::Appliance& appliance, const std::string& disk);
/// make_lvm() leaves this file in the root file system, where the mount point /var hides it.
inline constexpr const char* hidden_log = "/var/log/before-the-mount.log";
std::string make_lvm(guest::Appliance& appliance, const std::string& disk);
std::string make_btrfs(guest::Appliance& appliance, const std::string& disk);

}  // namespace imgforge::test
