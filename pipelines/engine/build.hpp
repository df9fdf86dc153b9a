// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/engine/plan.hpp"
#include "pipelines/engine/recipe.hpp"

namespace imgforge::engine {

struct BuildOptions {
    bool fresh = false;   ///< ignore cached results
    std::string from{};   ///< ignore cached results from this stage on
    std::string until{};  ///< stop after this stage
    bool keep_failed =
        false;  ///< a failed stage's directory is moved to the run directory instead of removed
    std::optional<std::chrono::seconds> max_age{};  ///< in place of the recipe's
};

/// Seams for tests and for what the engine must not know.
struct BuildSeams {
    /// Called at every journal transition with its name; a test ends the process there.
    std::function<void(std::string_view point)> checkpoint{};
    /// Called with the run's directory once there is one: a build that waits for another, or fails while it
    /// plans, has none.
    std::function<void(const std::filesystem::path& run_folder)> opened{};
    /// True when something outside of the cache (a machine) stands on this disk: its layer is never evicted.
    std::function<bool(const std::filesystem::path& disk)> disk_in_use{};
};

struct BuiltStage {
    PlannedStage plan;
    double seconds = 0;  ///< of this run; 0 when reused
    bool done = false;   ///< false: not reached
};

struct BuildReport {
    std::string recipe;
    std::string run;  ///< id of the run: runs/ID
    std::filesystem::path run_folder;
    std::vector<BuiltStage> stages;
    BuildFacts facts{};                         ///< of all stages
    std::optional<std::filesystem::path> disk;  ///< top of the layers
};

/// What `build --plan` shows. Changes nothing but the memory of large files' digests.
/// `recipe.facts.digest_of` is set here.
std::vector<PlannedStage> plan_build(Recipe& recipe, const BuildOptions& options, const Host& host);

/// Runs the pipeline: lock of the recipe, plan, each stage in a scratch directory that becomes a layer by
/// rename, hooks at the end, clean-up on every exit, eviction. Whatever ends it, finished stages stay and the
/// same call resumes after them. Errors carry the stage with its recipe line and the run directory as
/// context.
BuildReport build(Recipe& recipe, const BuildOptions& options, const Host& host,
                  const BuildSeams& seams = {});

/// The `build` record, and the text for people.
Json build_record(const BuildReport& report);
std::string build_text(const BuildReport& report);

}  // namespace imgforge::engine
