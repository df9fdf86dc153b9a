// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/engine/fingerprint.hpp"
#include "pipelines/engine/layer.hpp"

namespace imgforge::engine {

/// What the journal knows of a stage of this recipe from earlier runs.
struct StageHistory {
    std::vector<Ingredient> ingredients{};  ///< of the last time it ended well
    std::optional<double> seconds{};        ///< how long that took
    std::string unfinished{};               ///< fingerprint of the last attempt when it did not end well
    std::string unfinished_how{};           ///< "failed", "was interrupted", "was killed"
};

/// Everything a plan depends on in addition to the recipe: a snapshot taken before, so that planning itself
/// touches nothing.
struct PlanIndex {
    std::map<std::string, Layer> layers{};  ///< by fingerprint
    std::map<std::string, std::string>
        invalid{};  ///< fingerprint -> why its stage type refuses the cached result
    std::map<std::string, StageHistory> history{};  ///< by stage name
    std::int64_t now = 0;                           ///< wall seconds
};

struct PlanOptions {
    bool fresh = false;   ///< ignore all cached results
    std::string from{};   ///< stage from which cached results are ignored; empty: none
    std::string until{};  ///< last stage; empty: all
    std::optional<std::chrono::seconds> max_age{};
};

struct PlannedStage {
    enum class Verdict { reuse, run };
    std::string name;
    std::string type;
    std::string fingerprint;
    Verdict verdict = Verdict::run;
    std::string reason;                     ///< why; for --plan
    std::vector<Difference> differences{};  ///< all that changed since the last run, for --explain
    std::optional<double> expected_seconds{};
    std::vector<Ingredient> ingredients{};
    bool forced = false;  ///< by --fresh or --from: a cached result must not serve
};

/// Pure. From the first stage that must run all later ones run as well, since their fingerprints or the layer
/// below changed. Throws Failure::usage when --from or --until name no stage.
std::vector<PlannedStage> make_plan(const std::vector<StageIdentity>& stages, const PlanIndex& index,
                                    const PlanOptions& options);

/// `{recipe, stages:[{name, type, verdict, reason, fingerprint}]}`; with `explain` also `differences`.
Json plan_record(const std::string& recipe, const std::vector<PlannedStage>& plan, bool explain = false);
/// The same for people.
std::string plan_text(const std::string& recipe, const std::vector<PlannedStage>& plan, bool explain = false);

}  // namespace imgforge::engine
