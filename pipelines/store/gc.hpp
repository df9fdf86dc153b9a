// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::store {

/// How many generations stay. A generation stays when either rule wants it.
struct GcPolicy {
    int keep = 3;  ///< newest current and retired ones, the current one included; at least 1
    std::optional<std::chrono::hours> keep_age{};  ///< everything younger stays as well
    std::chrono::hours failed_age{
        24 * 7};  ///< quarantined ones, and candidates older than the current one, after this time

    /// From the `policy` record of a manifest ({keep, keep_days}); missing fields keep their defaults.
    static GcPolicy from_json(const Json& policy);
};

/// What the plan needs to know of one generation.
struct GcItem {
    int generation = 0;
    GenerationState state = GenerationState::retired;
    std::int64_t created = 0;
    std::optional<int> parent{};
    std::vector<Holder> holders{};  ///< without child generations: the plan sees those itself
};

struct GcDecision {
    int generation = 0;
    bool remove = false;
    std::string
        reason;  ///< "kept: current", "kept: in use by instance web-1", "removed: beyond the newest 3"
};

/// One decision per generation, oldest first; removals can be carried out newest first. Pure.
std::vector<GcDecision> plan_gc(const std::vector<GcItem>& items, const GcPolicy& policy, std::int64_t now);

struct GcOutcome {
    std::string image;
    GcDecision decision;
    ByteSize freed{};
    std::string failure{};  ///< it got a user between plan and removal
};

/// Plans and, unless `dry_run`, removes. `policy` empty: the one in the image's newest manifest, else the
/// default.
std::vector<GcOutcome> collect_garbage(Store& store, const std::string& image,
                                       const std::optional<GcPolicy>& policy, bool dry_run = false);

}  // namespace imgforge::store
