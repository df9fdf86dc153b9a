// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/executor.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/random.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

constexpr std::chrono::hours lock_timeout{24};

bool runs(const PlannedStage& stage) {
    return stage.verdict == PlannedStage::Verdict::run;
}

}  // namespace

Executor::Executor(const Recipe& recipe, const BuildOptions& options, const Host& host,
                   const BuildSeams& seams, Journal& journal, BuildReport& report)
    : recipe_(recipe),
      options_(options),
      host_(host),
      seams_(seams),
      journal_(journal),
      store_(host.places),
      report_(report),
      undo_(*host.monitor) {}

void Executor::run() {
    std::size_t i = 0;
    try {
        while (i < report_.stages.size()) {
            interrupt::check();
            if (runs(report_.stages[i].plan)) {
                const std::size_t end = group_end(i);
                run_group(i, end);
                // A stage that another build made meanwhile is taken over; then fewer than the group were
                // done.
                while (i < end && report_.stages[i].done) {
                    ++i;
                }
                continue;
            }
            const std::optional<Layer> layer = store_.find(report_.stages[i].plan.fingerprint);
            if (!layer) {
                throw Error(Failure::tool,
                            fmt::format("the cached result of stage '{}' went away during the build",
                                        report_.stages[i].plan.name),
                            "run the same command again");
            }
            reuse(i++, *layer);
        }
    } catch (const Interrupted&) {
        throw;  // not a verdict on what was made: the same command resumes
    } catch (const Error& error) {
        run_hooks({.success = false, .error = error.describe()});
        throw;
    } catch (const std::exception& fault) {
        run_hooks({.success = false, .error = fault.what()});
        throw;
    }
    if (report_.stages.size() == recipe_.stages.size()) {
        point("hooks");
        run_hooks({});
    }
    point("undo");
    undo_.run();
}

void Executor::point(const std::string& name) const {
    log::debug(name);
    if (seams_.checkpoint) {
        seams_.checkpoint(name);
    }
}

std::string Executor::where(std::size_t i) const {
    const RecipeStage& stage = recipe_.stages[i];
    const std::string file =
        recipe_.facts.file.empty() ? std::string("recipe") : recipe_.facts.file.filename().string();
    return fmt::format("stage '{}' ({}:{})", stage.name, file, stage.place.line);
}

StageTask Executor::make_task(std::size_t i) {
    const RecipeStage& stage = recipe_.stages[i];
    const PlannedStage& plan = report_.stages[i].plan;
    StageTask task{
        .name = stage.name, .type = stage.type, .options = stage.options, .fingerprint = plan.fingerprint};
    for (std::size_t after = i + 1; after < recipe_.stages.size(); ++after) {
        task.later.push_back(recipe_.stages[after].type);
    }
    task.recipe = &recipe_.facts;
    task.host = &host_;
    task.run_folder = report_.run_folder;
    task.expected_seconds = plan.expected_seconds;
    task.keep_failed = options_.keep_failed;
    task.on_undo = [this](std::string what, std::function<void()> action) {
        undo_.push(std::move(what), std::move(action));
    };
    task.at_end = [this](std::string what, std::function<void(const BuildEnd&)> action) {
        hooks_.push_back({std::move(what), std::move(action)});
    };
    return task;
}

/// The stage's layer is part of this build from now on: later stages stand on it.
void Executor::take_over(std::size_t i, const Layer& layer) {
    if (!layer.result.disk.empty()) {
        input_.disk = layer.result.disk;
        disk_id_ = layer.id;
    }
    for (const auto& [role, path] : layer.result.files) {
        input_.files[role] = path;
    }
    input_.facts.update(layer.result.facts);
    input_.fingerprints.push_back(layer.fingerprint);
    input_.stages.push_back(
        {.name = recipe_.stages[i].name, .type = recipe_.stages[i].type, .fingerprint = layer.fingerprint});
    previous_id_ = layer.id;
    report_.facts = input_.facts;
    report_.disk = input_.disk;
    report_.stages[i].done = true;
}

void Executor::reuse(std::size_t i, const Layer& layer) {
    StageTask task = make_task(i);
    task.input = input_;
    in_context([&] { return where(i); }, [&] { recipe_.stages[i].handler->reused(task, layer.result); });
    take_over(i, layer);
}

std::size_t Executor::group_end(std::size_t i) const {
    const std::string_view group = recipe_.stages[i].handler->group();
    std::size_t end = i + 1;
    while (!group.empty() && end < report_.stages.size() && runs(report_.stages[end].plan) &&
           recipe_.stages[end].handler->group() == group) {
        ++end;
    }
    return end;
}

/// One build at a time makes a fingerprint; recipes that share their first stages wait for each other here.
FileLock Executor::lock_stage(std::size_t i, bool& waited) {
    const fs::path file = host_.places.cache() / "locks" / (report_.stages[i].plan.fingerprint + ".lock");
    return FileLock::acquire(
        file, fmt::format("stage '{}' of {}", recipe_.stages[i].name, recipe_.facts.name), lock_timeout,
        [&](const std::string& holder) {
            waited = true;
            host_.monitor->message(
                fmt::format("{}: waiting for {}, which makes the same", recipe_.stages[i].name, holder));
        });
}

bool Executor::made_by_another(std::size_t i, bool waited) {
    PlannedStage& plan = report_.stages[i].plan;
    const std::optional<Layer> layer = waited && !plan.forced ? store_.find(plan.fingerprint) : std::nullopt;
    if (!layer || layer->damaged || layer->evicted || layer->previous_id != previous_id_) {
        return false;
    }
    plan.verdict = PlannedStage::Verdict::reuse;
    plan.reason = "another build made it meanwhile";
    journal_.stage_uses(report_.run, i, layer->id, host_.clock->wall_seconds());
    reuse(i, *layer);
    return true;
}

void Executor::run_group(std::size_t begin, std::size_t end) {
    bool waited = false;
    std::vector<FileLock> locks;
    for (std::size_t i = begin; i < end; ++i) {
        locks.push_back(lock_stage(i, waited));
    }
    if (made_by_another(begin, waited)) {
        return;
    }
    std::vector<StageTask> tasks;
    std::vector<const StageType*> types;
    for (std::size_t i = begin; i < end; ++i) {
        tasks.push_back(make_task(i));
        tasks.back().scratch = store_.make_scratch(report_.run, i);
        types.push_back(recipe_.stages[i].handler);
    }
    std::size_t at = 0;
    begin_stage(begin, tasks[0]);
    try {
        in_context(
            [&] { return where(begin + at); },
            [&] {
                types[0]->run_group(tasks, types, [&](std::size_t index, StageResult result) {
                    if (index != at) {
                        throw Error(
                            Failure::tool,
                            fmt::format("stage type '{}' published results out of order", types[0]->name()));
                    }
                    publish(begin + index, tasks[index], std::move(result));
                    if (++at < tasks.size()) {
                        begin_stage(begin + at, tasks[at]);
                    }
                });
                if (at < tasks.size()) {
                    throw Error(Failure::tool, fmt::format("stage type '{}' ended without a result for '{}'",
                                                           types[0]->name(), tasks[at].name));
                }
            });
    } catch (...) {
        stage_failed(tasks, at);
        throw;
    }
}

void Executor::begin_stage(std::size_t i, StageTask& task) {
    journal_.stage_started(report_.run, i);
    point("started " + task.name);
    activity_.emplace(*host_.monitor, task.name);
    task.activity = activity_->id();
    task.input = input_;
    started_ = host_.clock->now();
    if (const auto& why = report_.stages[i].plan.reason; !why.empty()) {
        activity_->detail(why);
    }
}

void Executor::publish(std::size_t i, const StageTask& task, StageResult result) {
    const std::int64_t now = host_.clock->wall_seconds();
    BuiltStage& built = report_.stages[i];
    built.seconds = std::chrono::duration<double>(host_.clock->now() - started_).count();
    point("ran " + task.name);
    Layer layer{.fingerprint = built.plan.fingerprint,
                .id = random_hex(8),
                .type = task.type,
                .folder = {},
                .created = now};
    layer.seconds = built.seconds;
    layer.previous = i > 0 ? report_.stages[i - 1].plan.fingerprint : std::string();
    layer.previous_id = previous_id_;
    layer.backing_id = !result.disk.empty() && !result.standalone ? disk_id_ : std::string();
    layer.result = std::move(result);
    {
        // From here to the journal an interrupt would only lose work that is done.
        const interrupt::Shield shield;
        layer = store_.seal(task.scratch, std::move(layer));
        point("sealed " + task.name);
        // Before the rename, so that no eviction can come between.
        journal_.stage_uses(report_.run, i, layer.id, now);
        point("announced " + task.name);
        store_.publish(task.scratch, layer);
        point("published " + task.name);
        journal_.stage_done(report_.run, recipe_.facts.name, i, built.plan, built.seconds, now);
        point("journaled " + task.name);
    }
    take_over(i, layer);
    activity_.reset();
}

void Executor::stage_failed(const std::vector<StageTask>& tasks, std::size_t at) {
    const interrupt::Shield shield;
    if (activity_) {
        activity_->finish(true);
        activity_.reset();
    }
    try {
        for (std::size_t i = 0; i < tasks.size(); ++i) {
            std::error_code code;
            if (i != at || !options_.keep_failed || !fs::exists(tasks[i].scratch, code)) {
                remove_tree(tasks[i].scratch);
                continue;
            }
            const fs::path kept = report_.run_folder / ("failed-" + tasks[i].name);
            fs::rename(tasks[i].scratch, kept);
            host_.monitor->artifact(kept.string());
        }
    } catch (const std::exception& fault) {
        host_.monitor->warning(fmt::format(
            "the directory of the failed stage stays for the next run to remove: {}", fault.what()));
    }
}

/// A failed promotion must be reported; quarantine after a failure must not hide that failure.
void Executor::run_hooks(const BuildEnd& end) {
    const interrupt::Shield shield;
    for (const Hook& hook : std::exchange(hooks_, {})) {
        point((end.success ? "hook " : "failure hook ") + hook.what);
        if (end.success) {
            in_context([&] { return hook.what; }, [&] { hook.action(end); });
            continue;
        }
        try {
            hook.action(end);
        } catch (const std::exception& fault) {
            host_.monitor->warning(fmt::format("{}: {}", hook.what, fault.what()));
        }
    }
}

}  // namespace imgforge::engine
