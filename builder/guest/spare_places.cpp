// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/spare_places.hpp"

#include <fmt/format.h>

#include <algorithm>

#include "builder/guest/appliance.hpp"

namespace imgforge::guest {

std::optional<std::string> mount_directory(GuestFs& fs, const std::string& mount_point) {
    auto target = fs.resolve(mount_point);
    return target && fs.is_directory(*target) ? target : std::nullopt;
}

SparePlaces::SparePlaces(GuestFs& fs, const MountPoints& mounted) {
    for (const char* place : {"/mnt", "/media", "/srv", "/opt"}) {
        // The file system that is mounted there may be as empty as the directory.
        const bool taken = std::any_of(mounted.begin(), mounted.end(),
                                       [&](const auto& mount) { return mount.first == place; });
        if (!taken && mount_directory(fs, place) == place && fs.list(place).empty()) {
            places_.emplace_back(place);
        }
    }
}

std::string SparePlaces::give(const Unplaced& file_system,
                              const std::function<void(const std::string& place)>& mount) {
    const std::string what =
        fmt::format("{} ({}) {}", file_system.mountable, file_system.type,
                    file_system.mount_point.empty()
                        ? "is not in the guest's fstab"
                        : fmt::format("has no directory: {} of the guest's fstab does not exist",
                                      file_system.mount_point));
    if (places_.empty()) {
        return what + "; it is left alone, since none of /mnt, /media, /srv and /opt is free for it";
    }
    try {
        mount(places_.front());
    } catch (const ApplianceError& error) {
        return fmt::format("{}; it is left alone: {}", what, error.message());
    }
    const std::string place = places_.front();
    places_.erase(places_.begin());
    return fmt::format("{}; it is searched and its free space wiped as {}", what, place);
}

}  // namespace imgforge::guest
