// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <vector>

#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"

namespace imgforge::test {

/// A trace to be planted: who must remove it, where it lies, and the mark that must be gone afterwards.
struct Canary {
    std::string operation;
    std::string path;
    std::string mark;     ///< unique in the image
    std::string content;  ///< contains the mark
};

/// At least one for every operation that works on files of a Debian guest.
std::vector<Canary> canaries(const std::string& layout);

/// Plants a small Debian with the canaries and files that must stay into the mounted file systems.
void plant(guest::GuestFs& fs, const std::vector<Canary>& canaries, const std::string& fstab);

/// Path -> type, mode, owner, size, attributes and content of everything below the root, except `without`.
std::map<std::string, std::string> picture(guest::GuestFs& fs);

/// Partitions and formats; each mounts the new file systems and returns its fstab.
std::string make_plain(guest::Appliance& appliance, const std::string& disk);
std::string make_lvm(guest::Appliance& appliance, const std::string& disk);
std::string make_btrfs(guest::Appliance& appliance, const std::string& disk);

}  // namespace imgforge::test
