// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "builder/base/lock.hpp"
#include "builder/base/places.hpp"

namespace imgforge::engine {

/// runs/ID of a build at work. The lock in it, which the kernel frees with the process, says that the run is
/// alive.
struct RunFolder {
    std::string id;  ///< "20261121-062921-NAME-1f3c"
    std::filesystem::path path;
    std::optional<FileLock> alive{};

    /// A new directory, readable by its owner only. Not alive before the lock is taken.
    static RunFolder make(const Places& places, const std::string& recipe, std::int64_t now);
    void take_lock(const std::string& recipe);
    /// True while the process that made `id` holds its lock.
    static bool is_live(const Places& places, const std::string& id);
};

}  // namespace imgforge::engine
