// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/lifecycle/ssh_access.hpp"
#include "seeds/seed.hpp"

namespace imgforge::provision {

/// Login that exists in the guest while it is provisioned, and never after.
inline constexpr const char* build_user = "imgforge-build";

/// Files of one run's access to its machine, in a directory of mode 0700: id (0600), known_hosts and
/// seed.iso.
struct BuildAccess {
    std::filesystem::path identity;
    std::filesystem::path known_hosts;
    std::filesystem::path seed;
};

/// A fresh login key, fresh host keys, and the seed that gives them to the guest: a user with sudo, without a
/// password and without the image's own default user; the host name stays as it is.
BuildAccess make_build_access(const std::filesystem::path& folder, const std::string& machine);

/// What the seed is made of, apart for tests.
seeds::SeedSpec build_seed(const std::string& public_key, std::vector<seeds::HostKey> host_keys,
                           const std::string& machine);

/// The script that removes the user, its key and what their use left: account and its backups, sudo rule,
/// cloud-init's state and network files, host keys, logins in logs, the machine's identity. Then it prints
/// removed_mark and turns the machine off. Run as root over the last connection there can be. What else a
/// boot leaves is the work of sysprep.
std::string removal_script();
inline constexpr const char* removed_mark = "imgforge-build-user-removed";

/// Boots again. The connection may end before it is answered.
std::string reboot_script();

}  // namespace imgforge::provision
