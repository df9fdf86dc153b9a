// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// What hydrate_machine() did.
struct Hydrated {
    bool was_complete = false;
    bool was_running = false;
    std::string image{};
    int generation = 0;       ///< in this store
    std::uint64_t bytes = 0;  ///< that came over the network for it
};

/// Pulls the golden image of a machine that was spawned with --lazy, as `images pull` does, with every digest
/// compared; then puts it under the machine's root disk, running or not, and ends the machine's nbdkit. The
/// pull has a low priority, and comes before the turn on the machine: a spawn may still be waiting for it.
/// While the server is away it is asked again every five seconds, for `timeout` at most (nothing: until the
/// machine is destroyed); a machine that halted because a read failed goes on as soon as the server answers.
/// Throws the last error then; the machine is as it was, and the next call goes on with what was fetched.
Hydrated hydrate_machine(Lifecycle& lifecycle, std::string_view name,
                         std::optional<std::chrono::milliseconds> timeout = {});

/// `imgforge hydrate` in the background, with its output in the machine's hydrate.log.
void hydrate_in_background(const InstanceLayout& layout, const MachineRecord& record);

/// Throws Failure::domain, naming the command, while the machine's disk is not complete.
void require_complete(const MachineRecord& record, const char* what);

}  // namespace imgforge::lifecycle
