// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/engine/build_observer.hpp"
#include "pipelines/engine/build_report.hpp"
#include "pipelines/engine/recipe.hpp"

namespace imgforge::engine {

/// How much of the recipe to build, and from what.
struct BuildOptions {
    bool fresh = false;   ///< ignore cached results
    std::string from{};   ///< ignore cached results from this stage on
    std::string until{};  ///< stop after this stage
    bool keep_failed =
        false;  ///< a failed stage's directory is moved to the run directory instead of removed
    std::optional<std::chrono::seconds> max_age{};  ///< in place of the recipe's
};

/// What `build --plan` shows. Changes nothing but the memory of large files' digests.
/// `recipe.facts.digest_of` is set here.
std::vector<PlannedStage> plan_build(Recipe& recipe, const BuildOptions& options, const Host& host);

/// Runs the pipeline: lock of the recipe, plan, each stage in a scratch directory that becomes a layer by
/// rename, hooks at the end, clean-up on every exit, eviction. Whatever ends it, finished stages stay and the
/// same call resumes after them. Errors carry the stage with its recipe line and the run directory as
/// context. Without `users` only runs keep layers from eviction.
BuildReport build(Recipe& recipe, const BuildOptions& options, const Host& host,
                  const DiskUsers* users = nullptr, BuildObserver* observer = nullptr);

}  // namespace imgforge::engine
