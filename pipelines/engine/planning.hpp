// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <string>
#include <vector>

#include "pipelines/engine/build.hpp"
#include "pipelines/engine/journal.hpp"

namespace imgforge::engine {

/// The recipe's stages with what would happen to each now: fingerprints against the cache and the journal's
/// history. Sets `recipe.facts.digest_of` and `secret_digest` while it works.
std::vector<PlannedStage> plan_now(Recipe& recipe, const BuildOptions& options, const Host& host,
                                   Journal& journal);

/// Fingerprints of the stages that a plan reuses.
std::set<std::string> reused_fingerprints(const std::vector<PlannedStage>& plan);

/// What the recipe and the plan say of stage `i`, for the stage type.
StageTask planned_task(const Recipe& recipe, std::size_t i, const PlannedStage& plan);

/// One past the last of the stages from `i` on that run and work in one group with stage `i`.
std::size_t group_end(const Recipe& recipe, const std::vector<BuiltStage>& stages, std::size_t i);

/// "stage 'sysprep' (web.recipe:12)", for errors.
std::string stage_place(const Recipe& recipe, std::size_t i);

}  // namespace imgforge::engine
