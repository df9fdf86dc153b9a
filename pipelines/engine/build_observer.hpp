// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

namespace imgforge::engine {

/// Follows a build from outside, or several at once: then calls come from several threads. What is not
/// overridden does nothing. An exception ends the build as an error of the stage would.
class BuildObserver {
public:
    virtual ~BuildObserver() = default;
    /// The run has its directory. A build that waits for another, or fails while it plans, has none.
    virtual void opened(const std::filesystem::path& /*run_folder*/) {}
    /// A journal transition, by its name: what a build that is killed here leaves must be resumable.
    virtual void reached(std::string_view /*point*/) {}
};

/// Knows what stands on cached disks outside of the cache: machines, which the engine does not know.
class DiskUsers {
public:
    virtual ~DiskUsers() = default;
    /// True keeps the disk's layer from eviction.
    virtual bool in_use(const std::filesystem::path& disk) const = 0;
};

}  // namespace imgforge::engine
