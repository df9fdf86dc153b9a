// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// "8h", "2d"; at least a second. Throws Failure::usage.
std::chrono::seconds parse_ttl(std::string_view text);

/// What became of the machines whose time is over, and of those whose time is nearly over.
struct ExpiryReport {
    std::vector<std::string> destroyed{};
    std::vector<std::string> warned{};  ///< their consoles were warned
    std::vector<std::string> kept{};    ///< protected, or destroying failed; a warning says why
};

/// Destroys machines whose time is over (their records go with them) and tells those with less than ten
/// minutes left, by a line that `wall` writes in the guest. Machines another command works on are left for
/// the next time.
ExpiryReport reap_expired(Lifecycle& lifecycle);

/// Whether reap_expired() would find something to destroy: one read of the records.
bool any_expired(Lifecycle& lifecycle);

}  // namespace imgforge::lifecycle
