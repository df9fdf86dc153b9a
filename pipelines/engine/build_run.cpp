// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/build_run.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/log.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/engine/planning.hpp"
#include "pipelines/engine/tidy.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

constexpr std::chrono::hours recipe_timeout{24};
constexpr std::chrono::hours stage_timeout{24};
constexpr std::chrono::minutes store_timeout{10};

fs::path lock_file(const Places& places, const std::string& name) {
    return places.cache() / "locks" / (name + ".lock");
}

FileLock lock_store(const Places& places) {
    return FileLock::acquire(lock_file(places, "store"), "planning", store_timeout);
}

fs::path prepared(const Places& places) {
    places.create();
    make_directories(places.cache() / "locks");
    return places.state_db();
}

}  // namespace

BuildRun::BuildRun(Recipe& recipe, const BuildOptions& options, const Host& host, const DiskUsers* users,
                   BuildObserver* observer)
    : recipe_(recipe),
      options_(options),
      host_(host),
      users_(users),
      observer_(observer),
      database_(prepared(host.places)),
      journal_(database_),
      store_(host.places),
      undo_(*host.monitor) {}

BuildReport BuildRun::go() {
    report_.recipe = recipe_.facts.name;
    const FileLock one_build = FileLock::acquire(
        lock_file(host_.places, "recipe-" + recipe_.facts.name), "build of " + recipe_.facts.name,
        recipe_timeout,
        [&](const std::string& holder) { host_.monitor->message(fmt::format("waiting for {}", holder)); });
    open();
    try {
        in_context(
            [&] {
                return fmt::format("run {}; the same command resumes at the stage that failed",
                                   report_.run_folder.string());
            },
            [&] { run_stages(); });
    } catch (const Interrupted& signal) {
        close(RunState::interrupted, signal.what());
        throw;
    } catch (const Error& error) {
        close(RunState::failed, error.describe());
        throw;
    } catch (const std::exception& fault) {
        close(RunState::failed, fault.what());
        throw;
    }
    close(RunState::done, "");
    point("closed");
    tidy();
    return std::move(report_);
}

/// Under the store's lock, so that no layer of this plan is evicted between the look and the row that
/// protects it.
void BuildRun::open() {
    const FileLock store = lock_store(host_.places);
    const std::int64_t now = host_.clock->wall_seconds();
    const std::set<std::string> live =
        journal_.settle([&](const std::string& run) { return RunFolder::is_live(host_.places, run); }, now);
    store_.remove_leftovers(live);
    const std::vector<PlannedStage> plan = plan_now(recipe_, options_, host_, journal_);
    folder_ = RunFolder::make(host_.places, recipe_.facts.name, now);
    report_.run = folder_->id;
    report_.run_folder = folder_->path;
    if (observer_ != nullptr) {
        observer_->opened(report_.run_folder);
    }
    folder_->take_lock(recipe_.facts.name);
    log::open(report_.run_folder / "build.log");
    log::debug(plan_text(recipe_.facts.name, plan, true));
    journal_.open_run(report_.run, recipe_.facts.name, now, plan);
    journal_.run_reuses(report_.run, plan, store_.find(reused_fingerprints(plan)), now);
    for (const PlannedStage& stage : plan) {
        report_.stages.push_back({.plan = stage});
    }
    point("opened");
}

void BuildRun::close(RunState state, const std::string& message) noexcept {
    const interrupt::Shield shield;
    undo_.run();  // what must not outlive the build goes before anyone reads that it has ended
    try {
        if (!message.empty()) {
            log::warn(message);
        }
        write_run_record(report_, to_string(state), redact(message));
        journal_.close_run(report_.run, state, host_.clock->wall_seconds(), redact(message));
    } catch (const std::exception& fault) {
        host_.monitor->warning(fmt::format("the journal of this run is not complete: {}", fault.what()));
    }
}

/// The build has succeeded: what goes wrong here is a warning.
void BuildRun::tidy() noexcept {
    try {
        const FileLock store = lock_store(host_.places);
        tidy_cache(host_, journal_, report_.run, users_, observer_);
    } catch (const std::exception& fault) {
        host_.monitor->warning(fmt::format("the cache was not tidied: {}", fault.what()));
    }
}

/// Does or reuses stage `i`, or the group that begins with it; the first stage that is left then.
std::size_t BuildRun::next_stages(std::size_t i) {
    const PlannedStage& plan = report_.stages[i].plan;
    if (plan.verdict == PlannedStage::Verdict::run) {
        const std::size_t end = group_end(recipe_, report_.stages, i);
        run_group(i, end);
        // A stage that another build made meanwhile is taken over; then fewer than the group were done.
        while (i < end && report_.stages[i].done) {
            ++i;
        }
        return i;
    }
    const std::optional<Layer> layer = store_.find(plan.fingerprint);
    if (!layer) {
        throw Error(Failure::tool,
                    fmt::format("the cached result of stage '{}' went away during the build", plan.name),
                    "run the same command again");
    }
    reuse(i, *layer);
    return i + 1;
}

void BuildRun::run_stages() {
    std::size_t i = 0;
    try {
        while (i < report_.stages.size()) {
            interrupt::check();
            i = next_stages(i);
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

void BuildRun::point(const std::string& name) const {
    log::debug(name);
    if (observer_ != nullptr) {
        observer_->reached(name);
    }
}

StageTask BuildRun::make_task(std::size_t i) {
    StageTask task = planned_task(recipe_, i, report_.stages[i].plan);
    task.host = &host_;
    task.run_folder = report_.run_folder;
    task.keep_failed = options_.keep_failed;
    task.on_undo = [this](std::string what, std::function<void()> action) {
        undo_.push(std::move(what), std::move(action));
    };
    task.at_end = [this](std::string what, std::function<void(const BuildEnd&)> action) {
        hooks_.push({std::move(what), std::move(action)});
    };
    return task;
}

void BuildRun::take_over(std::size_t i, const Layer& layer) {
    chain_.take_over(recipe_.stages[i], layer);
    report_.facts = chain_.input().facts;
    report_.disk = chain_.input().disk;
    report_.stages[i].done = true;
}

void BuildRun::reuse(std::size_t i, const Layer& layer) {
    StageTask task = make_task(i);
    task.input = chain_.input();
    in_context([&] { return stage_place(recipe_, i); },
               [&] { recipe_.stages[i].handler->reused(task, layer.result); });
    take_over(i, layer);
}

/// One build at a time makes a fingerprint; recipes that share their first stages wait for each other here.
FileLock BuildRun::lock_stage(std::size_t i, bool& waited) {
    return FileLock::acquire(
        lock_file(host_.places, report_.stages[i].plan.fingerprint),
        fmt::format("stage '{}' of {}", recipe_.stages[i].name, recipe_.facts.name), stage_timeout,
        [&](const std::string& holder) {
            waited = true;
            host_.monitor->message(
                fmt::format("{}: waiting for {}, which makes the same", recipe_.stages[i].name, holder));
        });
}

bool BuildRun::made_by_another(std::size_t i, bool waited) {
    PlannedStage& plan = report_.stages[i].plan;
    const std::optional<Layer> layer = waited && !plan.forced ? store_.find(plan.fingerprint) : std::nullopt;
    if (!layer || layer->damaged || layer->evicted || layer->previous_id != chain_.previous_id()) {
        return false;
    }
    plan.verdict = PlannedStage::Verdict::reuse;
    plan.reason = "another build made it meanwhile";
    journal_.stage_uses(report_.run, i, layer->id, host_.clock->wall_seconds());
    reuse(i, *layer);
    return true;
}

void BuildRun::run_group(std::size_t begin, std::size_t end) {
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
    const auto took = [&](std::size_t index, StageResult result) {
        if (index != at) {
            throw Error(Failure::tool,
                        fmt::format("stage type '{}' published results out of order", types[0]->name()));
        }
        publish(begin + index, tasks[index], std::move(result));
        if (++at < tasks.size()) {
            begin_stage(begin + at, tasks[at]);
        }
    };
    const auto run = [&] {
        types[0]->run_group(tasks, types, took);
        if (at < tasks.size()) {
            throw Error(Failure::tool, fmt::format("stage type '{}' ended without a result for '{}'",
                                                   types[0]->name(), tasks[at].name));
        }
    };
    try {
        in_context([&] { return stage_place(recipe_, begin + at); }, run);
    } catch (...) {
        stage_failed(tasks, at);
        throw;
    }
}

void BuildRun::begin_stage(std::size_t i, StageTask& task) {
    journal_.stage_started(report_.run, i);
    point("started " + task.name);
    activity_.emplace(*host_.monitor, task.name);
    task.activity = activity_->id();
    task.input = chain_.input();
    started_ = host_.clock->now();
    if (const auto& why = report_.stages[i].plan.reason; !why.empty()) {
        activity_->detail(why);
    }
}

void BuildRun::publish(std::size_t i, const StageTask& task, StageResult result) {
    const std::int64_t now = host_.clock->wall_seconds();
    BuiltStage& built = report_.stages[i];
    built.seconds = std::chrono::duration<double>(host_.clock->now() - started_).count();
    point("ran " + task.name);
    Layer layer = chain_.next(task, std::move(result), built.seconds, now);
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

void BuildRun::stage_failed(const std::vector<StageTask>& tasks, std::size_t at) {
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

void BuildRun::run_hooks(const BuildEnd& end) {
    hooks_.run(end, *host_.monitor, [this](const std::string& name) { point(name); });
}

}  // namespace imgforge::engine
