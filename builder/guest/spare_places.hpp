// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/guest/guest_fs.hpp"

namespace imgforge::guest {

/// A file system of the image that is searched, and its free space wiped, although the guest has no directory
/// for it.
struct Unplaced {
    std::string mountable;
    std::string type;
    std::string mount_point;  ///< the directory that fstab names and that is missing; empty: not in fstab
};

/// The canonical directory that an fstab line is mounted on; nothing when the guest does not have it.
std::optional<std::string> mount_directory(GuestFs& fs, const std::string& mount_point);

/// The guest's empty directories made for mounting (FHS 3.0: /mnt, /media, /srv, /opt), each given once.
class SparePlaces {
public:
    using MountPoints = std::vector<std::pair<std::string, std::string>>;  ///< as in Inspection

    SparePlaces(GuestFs& fs, const MountPoints& mounted);

    /// Calls `mount` with the next place, which is kept for another file system when it throws
    /// ApplianceError. Returns the sentence for the user: where the file system is now, or why it is left
    /// alone.
    std::string give(const Unplaced& file_system, const std::function<void(const std::string& place)>& mount);

private:
    std::vector<std::string> places_;
};

}  // namespace imgforge::guest
