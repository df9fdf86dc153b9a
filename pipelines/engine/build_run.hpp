// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/base/lock.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/state_db.hpp"
#include "pipelines/engine/build.hpp"
#include "pipelines/engine/end_hooks.hpp"
#include "pipelines/engine/journal.hpp"
#include "pipelines/engine/layer.hpp"
#include "pipelines/engine/layer_chain.hpp"
#include "pipelines/engine/run_folder.hpp"
#include "pipelines/engine/undo_stack.hpp"

namespace imgforge::engine {

/// One build from the recipe's lock to the last hook; see build() for what it promises. The members are in
/// the order in which they come to be.
class BuildRun {
public:
    /// Everything must outlive the run; `users` and `observer` may be null.
    BuildRun(Recipe& recipe, const BuildOptions& options, const Host& host, const DiskUsers* users,
             BuildObserver* observer);

    /// Once. Throws what a stage throws, with context.
    BuildReport go();

private:
    void open();
    void close(RunState state, const std::string& message) noexcept;
    void tidy() noexcept;

    void run_stages();
    std::size_t next_stages(std::size_t i);
    void reuse(std::size_t i, const Layer& layer);
    void run_group(std::size_t begin, std::size_t end);
    bool made_by_another(std::size_t i, bool waited);
    void begin_stage(std::size_t i, StageTask& task);
    void publish(std::size_t i, const StageTask& task, StageResult result);
    void take_over(std::size_t i, const Layer& layer);
    void stage_failed(const std::vector<StageTask>& tasks, std::size_t at);
    void run_hooks(const BuildEnd& end);

    StageTask make_task(std::size_t i);
    FileLock lock_stage(std::size_t i, bool& waited);
    void point(const std::string& name) const;

    Recipe& recipe_;
    const BuildOptions& options_;
    const Host& host_;
    const DiskUsers* users_;
    BuildObserver* observer_;
    StateDb database_;
    Journal journal_;
    LayerStore store_;
    std::optional<RunFolder> folder_;
    BuildReport report_;
    LayerChain chain_;
    EndHooks hooks_;
    std::optional<Activity> activity_;
    Clock::Instant started_{};
    UndoStack undo_;  ///< last: runs before the rest is gone
};

}  // namespace imgforge::engine
