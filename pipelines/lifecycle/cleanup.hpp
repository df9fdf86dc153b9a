// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// What a clean-up did (or with `dry_run` would do).
struct CleanupReport {
    std::vector<std::string> forgotten;  ///< destroyed machines whose names and MACs are free now
    std::vector<std::string>
        removed;  ///< remains of spawns that were killed, and ephemeral machines that ended
    std::vector<std::string> settled;  ///< machines on which a killed command had left a change half made
    std::vector<std::string> adopted;  ///< machines whose directories were there and whose records were lost
    std::vector<std::string> templates;  ///< warm templates that no spawn will use any more
    std::uint64_t freed = 0;             ///< bytes of those
    std::vector<std::string> problems;   ///< what could not be done, and why
};

/// Machines that another command works on are left alone.
CleanupReport clean_up(Lifecycle& lifecycle, bool dry_run = false);

/// The same for one machine; false when there is nothing of that name to clean up.
bool clean_up_machine(Lifecycle& lifecycle, std::string_view name);

}  // namespace imgforge::lifecycle
