// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <map>
#include <set>
#include <string>
#include <vector>

#include "builder/base/state_db.hpp"
#include "pipelines/engine/plan.hpp"

namespace imgforge::engine {

/// How a run or one of its stages stands. `lost`: its process died without saying so (kill -9, power cut).
enum class RunState { running, done, failed, interrupted, lost };
std::string_view to_string(RunState state);

/// The engine's tables in state.db: runs, their stages, what each stage of each recipe was last made from,
/// when layers were last used, digests of large files. Nothing here decides what is in the cache (the
/// directories do), so that losing the file costs explanations and estimates, not results.
class Journal {
public:
    explicit Journal(StateDb& database);

    void open_run(const std::string& run, const std::string& recipe, std::int64_t now,
                  const std::vector<PlannedStage>& plan);
    void stage_started(const std::string& run, std::size_t position);
    /// The stage of this run uses (reused or made) this layer.
    void stage_uses(const std::string& run, std::size_t position, const std::string& layer_id,
                    std::int64_t now);
    /// The same for all stages of a plan whose layer is among `layers` (by fingerprint), at once.
    void run_reuses(const std::string& run, const std::vector<PlannedStage>& plan,
                    const std::map<std::string, Layer>& layers, std::int64_t now);
    void stage_done(const std::string& run, const std::string& recipe, std::size_t position,
                    const PlannedStage& stage, double seconds, std::int64_t now);
    void close_run(const std::string& run, RunState state, std::int64_t now, std::string_view message);

    /// Runs said to be running whose process is gone, by `is_live`, become lost. Gives the live ones.
    std::set<std::string> settle(const std::function<bool(const std::string& run)>& is_live,
                                 std::int64_t now);
    /// Layer ids that runs in state running use, except those of `except`.
    std::set<std::string> layers_in_use(const std::string& except) const;
    std::map<std::string, StageHistory> history(const std::string& recipe) const;
    std::map<std::string, std::int64_t> used_at() const;
    void forget_layers(const std::vector<std::string>& ids);
    /// Ids of ended runs but the newest `keep`; their rows are removed.
    std::vector<std::string> forget_old_runs(std::size_t keep);

    /// SHA-256 of a file, remembered while inode, size and change times stay.
    std::string digest(const std::filesystem::path& file);

private:
    StateDb& database_;
};

}  // namespace imgforge::engine
