// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::stages {

enum class RefreshAction {
    nothing,  ///< as it should be
    update,   ///< package updates on the cached layer before sysprep, then everything after it
    build,    ///< medium or recipe changed, or the cached layer is gone
};

std::string_view to_string(RefreshAction action);

/// What became of a refresh of one image.
enum class RefreshOutcome {
    planned,    ///< decided, not run
    running,    ///< begun; what a killed one leaves behind
    unchanged,  ///< ended well, and there was nothing to publish
    published,
    failed,
};

/// "planned" …
std::string_view to_string(RefreshOutcome outcome);
/// The reverse; nothing for any other text.
std::optional<RefreshOutcome> parse_refresh_outcome(std::string_view text);

/// State of one package source as its server describes it: "apt http://… trixie" -> digest of its Release
/// file; empty digest: could not be asked.
using MirrorState = std::map<std::string, std::string>;

/// Everything the decision depends on.
struct RefreshFacts {
    std::optional<std::string>
        recipe_change{};      ///< why the recipe's own stages must run; nothing: they need not
    bool has_current = true;  ///< a generation is in service
    std::optional<RefreshOutcome> last_outcome{};  ///< of the last refresh; nothing: there was none
    std::int64_t last_success = 0;  ///< when the last refresh or build ended well, seconds since 1970
    std::int64_t now = 0;
    std::chrono::seconds max_age{std::chrono::hours(24)};
    bool force = false;           ///< --force: look for updates whatever the age
    bool sources_known = true;    ///< the generation's manifest says where updates come from
    MirrorState mirror_before{};  ///< at the last refresh that ended well; empty: never seen
};

struct RefreshDecision {
    RefreshAction action = RefreshAction::nothing;
    std::string reason;
    bool ask_mirror = false;  ///< updates are due unless the package sources are as they were: ask them, then
                              ///< decide_by_mirror()
};

/// First half, without touching the network. Pure.
RefreshDecision decide_refresh(const RefreshFacts& facts);
/// Second half. A failed or killed last run is never taken for "unchanged". Pure.
RefreshDecision decide_by_mirror(const RefreshFacts& facts, const MirrorState& mirror_now);

}  // namespace imgforge::stages
