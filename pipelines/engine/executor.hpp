// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/base/lock.hpp"
#include "builder/base/monitor.hpp"
#include "pipelines/engine/build.hpp"
#include "pipelines/engine/journal.hpp"
#include "pipelines/engine/layer.hpp"
#include "pipelines/engine/undo_stack.hpp"

namespace imgforge::engine {

/// Works through one plan. Made and driven by build(); see there for what it promises.
class Executor {
public:
    Executor(const Recipe& recipe, const BuildOptions& options, const Host& host, const BuildSeams& seams,
             Journal& journal, BuildReport& report);

    /// All stages, then the hooks. Throws what a stage throws, with context.
    void run();

private:
    struct Hook {
        std::string what;
        std::function<void(const BuildEnd&)> action;
    };

    void point(const std::string& name) const;
    StageTask make_task(std::size_t i);
    void reuse(std::size_t i, const Layer& layer);
    std::size_t group_end(std::size_t i) const;
    void run_group(std::size_t begin, std::size_t end);
    bool made_by_another(std::size_t i, bool waited);
    FileLock lock_stage(std::size_t i, bool& waited);
    void begin_stage(std::size_t i, StageTask& task);
    void publish(std::size_t i, const StageTask& task, StageResult result);
    void take_over(std::size_t i, const Layer& layer);
    void stage_failed(const std::vector<StageTask>& tasks, std::size_t at);
    void run_hooks(const BuildEnd& end);
    std::string where(std::size_t i) const;

    const Recipe& recipe_;
    const BuildOptions& options_;
    const Host& host_;
    const BuildSeams& seams_;
    Journal& journal_;
    LayerStore store_;
    BuildReport& report_;

    StageInput input_;         ///< what the stages so far left
    std::string previous_id_;  ///< layer id of the stage before
    std::string disk_id_;      ///< layer id of input_.disk
    std::vector<Hook> hooks_;
    std::optional<Activity> activity_;
    Clock::Instant started_{};
    UndoStack undo_;  ///< last: runs before the rest is gone
};

}  // namespace imgforge::engine
