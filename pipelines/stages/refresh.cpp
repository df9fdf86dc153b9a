// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/refresh.hpp"

#include <algorithm>
#include <atomic>
#include <future>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/engine/build.hpp"
#include "pipelines/stages/refresh_budget.hpp"
#include "pipelines/stages/refresh_recipe.hpp"
#include "pipelines/stages/refresh_state.hpp"
#include "pipelines/stages/registry.hpp"
#include "pipelines/store/diff.hpp"
#include "pipelines/store/store.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

/// A store of its own for each thread: SQLite connections are not shared.
struct RefreshStore {
    explicit RefreshStore(const Host& host)
        : database(host.places.state_db()), store(host.places, database, *host.clock), state(database) {}
    StateDb database;
    store::Store store;
    RefreshState state;
};

/// One image on its way through a refresh.
class Job {
public:
    Job(std::string image, const RefreshOptions& options, const Host& host, const engine::DiskUsers* users,
        const RefreshWorld& world)
        : options_(options), host_(host), users_(users), world_(world) {
        result.image = std::move(image);
    }

    RefreshResult result;
    JobNeed need{};

    /// Everything up to the decision: no program is started, the network is asked only when updates are due.
    void decide() {
        guarded([&] {
            RefreshStore open(host_);
            const auto current = open.store.current(result.image);
            result.before = result.after = current ? current->generation : 0;
            const Json manifest = newest_manifest(open.store);
            recorded_ = manifest.value("recipe", Json::object());
            file_ = recorded_.value("file", std::string());
            if (file_.empty() && manifest.contains("origin")) {
                throw Error(Failure::recipe, fmt::format("{} was imported and has no recipe", result.image),
                            fmt::format("fetch the next release: imgforge images import {}",
                                        manifest["origin"].value("source", result.image)));
            }
            if (file_.empty() || !fs::exists(file_)) {
                throw Error(Failure::recipe,
                            fmt::format("the recipe of {} is gone: {}", result.image,
                                        file_.empty() ? "(none recorded)" : file_.string()),
                            "put it back, or build the image from another one");
            }
            text_ = read_file(file_);
            engine::Recipe recipe = recorded_recipe(text_, file_, recorded_, world_.types());
            estimate(recipe, current ? current->allocated_size : ByteSize{});
            const RefreshFacts facts = gather(recipe, manifest, current, open.state);
            RefreshDecision decision = decide_refresh(facts);
            if (decision.action != RefreshAction::nothing) {
                const Json sources = recorded_.value("sources", Json());
                mirror_ =
                    sources.is_array()
                        ? ask_mirrors(sources, [&](const std::string& url) { return world_.fetch(url); })
                        : MirrorState{};
            }
            if (decision.ask_mirror) {
                decision = decide_by_mirror(facts, mirror_);
                if (decision.action == RefreshAction::nothing && !options_.dry_run) {
                    open.state.end(result.image, RefreshOutcome::unchanged, decision.reason, mirror_,
                                   host_.clock->wall_seconds());
                }
            }
            result.action = decision.action;
            result.reason = decision.reason;
            result.outcome = decision.action == RefreshAction::nothing ? RefreshOutcome::unchanged
                                                                       : RefreshOutcome::planned;
        });
    }

    void run() {
        const auto start = host_.clock->now();
        guarded([&] {
            RefreshStore(host_).state.begin(result.image, host_.clock->wall_seconds());
            if (result.action == RefreshAction::build) {
                build({});
            }
            // After a full build too: it has the packages of the medium or of the cached layer, older than
            // those in service before.
            if (result.action == RefreshAction::update || has_sources()) {
                build(update_stage);
            }
            settle();
        });
        result.seconds = std::chrono::duration<double>(host_.clock->now() - start).count();
    }

    void refuse() {
        guarded([&] {
            throw Error(
                Failure::host,
                fmt::format("{} of disk space are needed, which the budget does not have", need.disk.text()),
                "make room, or raise budget.disk in the settings");
        });
    }

private:
    /// Runs `body`; an error becomes the outcome and is remembered, so that the next refresh does not take it
    /// for "unchanged".
    template <class Body>
    void guarded(Body&& body) {
        try {
            body();
        } catch (const Error& error) {
            result.outcome = RefreshOutcome::failed;
            result.error = error.describe();
            result.kind = error.kind();
        } catch (const fs::filesystem_error& fault) {
            result.outcome = RefreshOutcome::failed;
            result.error = fault.what();
        }
        if (result.outcome == RefreshOutcome::failed && !options_.dry_run) {
            RefreshStore open(host_);
            const auto now = open.store.current(result.image);
            result.after = now ? now->generation : 0;
            open.state.end(result.image, RefreshOutcome::failed, result.error, {},
                           host_.clock->wall_seconds());
        }
    }

    void build(const std::string& from) {
        engine::Recipe recipe = recorded_recipe(text_, file_, recorded_, world_.types(), !from.empty());
        const engine::BuildReport report = engine::build(recipe, {.from = from}, host_, users_);
        result.run_folder = report.run_folder.string();
    }

    /// The generation in service says where its updates come from.
    bool has_sources() const {
        const RefreshStore open(host_);
        const Json sources =
            newest_manifest(open.store).value("recipe", Json::object()).value("sources", Json());
        return sources.is_array() && !sources.empty();
    }

    Json newest_manifest(const store::Store& store) const {
        if (const auto current = store.current(result.image)) {
            return current->manifest();
        }
        const std::vector<store::Generation> all = store.generations(result.image);
        return all.empty() ? Json::object() : all.back().manifest();
    }

    RefreshFacts gather(engine::Recipe& recipe, const Json& manifest,
                        const std::optional<store::Generation>& current, const RefreshState& state) const {
        RefreshFacts facts;
        facts.recipe_change = recipe_change(recipe);
        facts.has_current = current.has_value();
        facts.now = host_.clock->wall_seconds();
        facts.last_success = current ? current->created : 0;
        facts.force = options_.force;
        facts.sources_known = recorded_.value("sources", Json()).is_array();
        facts.max_age =
            parse_duration(manifest.value("policy", Json::object()).value("max_age", std::string("1d")));
        if (const auto row = state.load(result.image)) {
            facts.last_outcome = row->outcome;
            facts.last_success = std::max(facts.last_success, row->last_success);
            facts.mirror_before = row->mirror;
        }
        return facts;
    }

    /// Why the recipe's own stages would run again; those from sysprep on do not count, a refresh runs them
    /// anyway.
    std::optional<std::string> recipe_change(engine::Recipe& recipe) const {
        if (recorded_.value("sha256", std::string()) != sha256_hex(text_)) {
            return fmt::format("the recipe {} has changed", file_.filename().string());
        }
        for (const engine::PlannedStage& stage : engine::plan_build(recipe, {}, host_)) {
            if (comes_after_updates(stage.type)) {
                break;
            }
            if (stage.verdict == engine::PlannedStage::Verdict::run) {
                return fmt::format("stage {} must run: {}", stage.name, stage.reason);
            }
        }
        return std::nullopt;
    }

    /// Memory and cores of the machine that installs or of the appliance; disk for layer, cleaned copy,
    /// compacted copy and generation.
    void estimate(const engine::Recipe& recipe, ByteSize current) {
        need.memory = std::max(recipe.facts.machine.memory, ByteSize::mib(1536));
        need.cpus = recipe.facts.machine.vcpus;
        need.disk = std::max(ByteSize::bytes(current.in_bytes() * 4), ByteSize::gib(2));
        result.cost = need;
    }

    void settle() {
        RefreshStore open(host_);
        const auto now = open.store.current(result.image);
        result.after = now ? now->generation : 0;
        result.outcome =
            result.after != result.before ? RefreshOutcome::published : RefreshOutcome::unchanged;
        if (result.outcome == RefreshOutcome::published && result.before != 0) {
            if (const auto before = open.store.find(result.image, result.before)) {
                const store::ContentDiff diff = store::diff_generations(*before, *now);
                result.changes = store::diff_record(*before, *now, diff);
                result.changes_text = store::diff_text(*before, *now, diff, 20);
            }
        }
        open.state.end(result.image, result.outcome, result.reason, mirror_, host_.clock->wall_seconds());
    }

    const RefreshOptions& options_;
    const Host& host_;
    const engine::DiskUsers* users_;
    const RefreshWorld& world_;
    Json recorded_ = Json::object();  ///< `recipe` of the manifest
    fs::path file_;
    std::string text_;
    MirrorState mirror_;
};

std::vector<std::string> wanted_images(const RefreshOptions& options, const Host& host) {
    const RefreshStore open(host);
    std::vector<std::string> names;
    if (options.images.empty()) {
        for (std::string& name : open.store.images()) {
            // Imported images have no recipe: `images import` fetches the next one.
            const auto current = open.store.current(name);
            if (!current || !current->manifest().contains("origin")) {
                names.push_back(std::move(name));
            }
        }
        return names;
    }
    for (const std::string& name : options.images) {
        if (open.store.generations(name).empty()) {
            open.store.resolve(name);  // says that there is none, with "did you mean"
        }
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            names.push_back(name);
        }
    }
    return names;
}

/// In parallel: deciding is mostly waiting for the servers of package sources.
void decide_all(std::vector<Job>& jobs) {
    constexpr std::size_t at_once = 8;
    std::atomic<std::size_t> next{0};
    std::vector<std::future<void>> workers;
    for (std::size_t i = 0; i < std::min(at_once, jobs.size()); ++i) {
        workers.push_back(std::async(std::launch::async, [&] {
            for (std::size_t job = next++; job < jobs.size(); job = next++) {
                jobs[job].decide();
            }
        }));
    }
    for (std::future<void>& worker : workers) {
        worker.get();
    }
}

}  // namespace

std::vector<const engine::StageType*> RefreshWorld::types() const {
    return all_stage_types();
}

std::optional<std::string> RefreshWorld::fetch(const std::string& url) const {
    return fetch_text(url);
}

std::vector<RefreshResult> refresh(const RefreshOptions& options, const Host& host,
                                   const engine::DiskUsers* users, const RefreshWorld& world) {
    std::vector<Job> jobs;
    for (const std::string& name : wanted_images(options, host)) {
        jobs.emplace_back(name, options, host, users, world);
    }
    decide_all(jobs);
    for (const Job& job : jobs) {
        host.monitor->message(
            fmt::format("{}: {}: {}", job.result.image, to_string(job.result.action),
                        job.result.outcome == RefreshOutcome::failed ? job.result.error : job.result.reason));
    }
    std::vector<std::size_t> due;
    std::vector<JobNeed> needs;
    for (std::size_t i = 0; i < jobs.size(); ++i) {
        if (jobs[i].result.outcome == RefreshOutcome::planned && !options.dry_run) {
            due.push_back(i);
            needs.push_back(jobs[i].need);
        }
    }
    if (!due.empty()) {
        const Budget budget = Budget::from_settings(host.settings, host.places.home, options.jobs);
        run_within(
            budget, needs, [&](std::size_t i) { jobs[due[i]].run(); },
            [&](std::size_t i) { jobs[due[i]].refuse(); });
    }
    std::vector<RefreshResult> results;
    for (Job& job : jobs) {
        results.push_back(std::move(job.result));
    }
    return results;
}

}  // namespace imgforge::stages
