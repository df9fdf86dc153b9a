// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/build.hpp"

#include <algorithm>
#include <cmath>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/log.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"
#include "pipelines/compose/secrets.hpp"
#include "pipelines/engine/executor.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

constexpr std::chrono::hours recipe_timeout{24};
constexpr std::chrono::minutes store_timeout{10};
constexpr std::size_t kept_runs = 100;

fs::path lock_file(const Places& places, const std::string& name) {
    return places.cache() / "locks" / (name + ".lock");
}

fs::path run_lock(const Places& places, const std::string& run) {
    return places.runs() / run / ".lock";
}

std::string new_run_id(const std::string& recipe, std::int64_t now) {
    return fmt::format("{:%Y%m%d-%H%M%S}-{}-{}", fmt::gmtime(static_cast<std::time_t>(now)), recipe,
                       random_hex(2));
}

bool is_live(const Places& places, const std::string& run) {
    std::error_code code;
    if (!fs::exists(run_lock(places, run), code)) {
        return false;
    }
    return !FileLock::try_acquire(run_lock(places, run), "looking whether this run is alive",
                                  FileLock::Mode::shared)
                .has_value();
}

std::vector<PlannedStage> plan_now(Recipe& recipe, const BuildOptions& options, const Host& host,
                                   Journal& journal) {
    recipe.facts.digest_of = [&journal](const fs::path& file) { return journal.digest(file); };
    recipe.facts.secret_digest = [&](const std::string& name) {
        if (!recipe.facts.secrets) {
            throw Error(Failure::recipe, fmt::format("the recipe has no secret '{}'", name));
        }
        return recipe.facts.secrets->digest(name, compose::digest_key(host.places.keys()));
    };
    const std::vector<StageIdentity> identities = identify(recipe);
    recipe.facts.digest_of = {};
    recipe.facts.secret_digest = {};
    std::set<std::string> fingerprints;
    for (const StageIdentity& one : identities) {
        fingerprints.insert(one.fingerprint);
    }
    PlanIndex index{.layers = LayerStore(host.places).find(fingerprints),
                    .history = journal.history(recipe.facts.name)};
    index.now = host.clock->wall_seconds();
    for (std::size_t i = 0; i < identities.size(); ++i) {
        const auto layer = index.layers.find(identities[i].fingerprint);
        std::string reason;
        if (layer != index.layers.end() &&
            !recipe.stages[i].handler->still_valid(layer->second.result, host, reason)) {
            index.invalid[identities[i].fingerprint] =
                reason.empty() ? "its cached result can no longer serve" : reason;
        }
    }
    const PlanOptions how{.fresh = options.fresh,
                          .from = options.from,
                          .until = options.until,
                          .max_age = options.max_age ? options.max_age : recipe.max_age};
    return make_plan(identities, index, how);
}

/// Shared state of one build() call, in the order it comes to be.
class Run {
public:
    Run(Recipe& recipe, const BuildOptions& options, const Host& host, const BuildSeams& seams)
        : recipe_(recipe),
          options_(options),
          host_(host),
          seams_(seams),
          database_(prepared(host.places)),
          journal_(database_) {}

    BuildReport go() {
        report_.recipe = recipe_.facts.name;
        const FileLock one_build = FileLock::acquire(
            lock_file(host_.places, "recipe-" + recipe_.facts.name), "build of " + recipe_.facts.name,
            recipe_timeout, [&](const std::string& holder) {
                host_.monitor->message(fmt::format("waiting for {}", holder));
            });
        open();
        try {
            in_context(
                [&] {
                    return fmt::format("run {}; the same command resumes at the stage that failed",
                                       report_.run_folder.string());
                },
                [&] { Executor(recipe_, options_, host_, seams_, journal_, report_).run(); });
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

private:
    static fs::path prepared(const Places& places) {
        places.create();
        make_directories(places.cache() / "locks");
        return places.state_db();
    }

    FileLock lock_store() const {
        return FileLock::acquire(lock_file(host_.places, "store"), "planning", store_timeout);
    }

    /// Under the store's lock, so that no layer of this plan is evicted between the look and the row that
    /// protects it.
    void open() {
        const FileLock store = lock_store();
        const std::int64_t now = host_.clock->wall_seconds();
        const std::set<std::string> live =
            journal_.settle([&](const std::string& run) { return is_live(host_.places, run); }, now);
        LayerStore(host_.places).remove_leftovers(live);
        const std::vector<PlannedStage> plan = plan_now(recipe_, options_, host_, journal_);
        report_.run = new_run_id(recipe_.facts.name, now);
        report_.run_folder = host_.places.runs() / report_.run;
        make_directories(report_.run_folder, 0700);
        if (seams_.opened) {
            seams_.opened(report_.run_folder);
        }
        alive_ = FileLock::try_acquire(run_lock(host_.places, report_.run), "build of " + recipe_.facts.name);
        log::open(report_.run_folder / "build.log");
        log::debug(plan_text(recipe_.facts.name, plan, true));
        journal_.open_run(report_.run, recipe_.facts.name, now, plan);
        database_.transaction([&] {
            std::set<std::string> reused;
            for (const PlannedStage& stage : plan) {
                if (stage.verdict == PlannedStage::Verdict::reuse) {
                    reused.insert(stage.fingerprint);
                }
            }
            const auto layers = LayerStore(host_.places).find(reused);
            for (std::size_t i = 0; i < plan.size(); ++i) {
                if (const auto layer = layers.find(plan[i].fingerprint); layer != layers.end()) {
                    journal_.stage_uses(report_.run, i, layer->second.id, now);
                }
            }
        });
        for (const PlannedStage& stage : plan) {
            report_.stages.push_back({.plan = stage});
        }
        point("opened");
    }

    void point(const std::string& name) const {
        if (seams_.checkpoint) {
            seams_.checkpoint(name);
        }
    }

    void close(RunState state, const std::string& message) noexcept {
        const interrupt::Shield shield;
        try {
            Json record = build_record(report_);
            record["state"] = std::string(to_string(state));
            if (!message.empty()) {
                record["error"] = redact(message);
                log::warn(message);
            }
            write_file_atomically(report_.run_folder / "record.json", pretty(record), 0600);
            journal_.close_run(report_.run, state, host_.clock->wall_seconds(), redact(message));
        } catch (const std::exception& fault) {
            host_.monitor->warning(fmt::format("the journal of this run is not complete: {}", fault.what()));
        }
    }

    /// Eviction and old runs. The build has succeeded: what goes wrong here is a warning.
    void tidy() noexcept {
        try {
            const FileLock store = lock_store();
            const std::vector<Layer> layers = LayerStore(host_.places).list();
            std::set<std::string> in_use = journal_.layers_in_use(report_.run);
            for (const Layer& layer : layers) {
                if (seams_.disk_in_use && !layer.result.disk.empty() &&
                    seams_.disk_in_use(layer.result.disk)) {
                    in_use.insert(layer.id);
                }
            }
            const std::map<std::string, std::int64_t> used_at = journal_.used_at();
            std::vector<std::string>
                vanished;  // announced by a build that was killed before the rename, or deleted by hand
            for (const auto& [id, used] : used_at) {
                const bool there = std::any_of(layers.begin(), layers.end(),
                                               [&id = id](const Layer& layer) { return layer.id == id; });
                if (!there && in_use.count(id) == 0) {
                    vanished.push_back(id);
                }
            }
            const CachePolicy policy = CachePolicy::from_settings(host_.settings.cache);
            drop(choose_evictions(layers, used_at, in_use, policy, host_.clock->wall_seconds()), vanished);
            for (const std::string& run : journal_.forget_old_runs(kept_runs)) {
                remove_tree(host_.places.runs() / run);
            }
        } catch (const std::exception& fault) {
            host_.monitor->warning(fmt::format("the cache was not tidied: {}", fault.what()));
        }
    }

    void drop(const Eviction& chosen, const std::vector<std::string>& vanished) {
        const LayerStore store(host_.places);
        std::vector<std::string> gone = vanished;
        for (const Layer& layer : chosen.remove) {
            point("removing " + layer.type);
            store.remove(layer);
            gone.push_back(layer.id);
        }
        for (const Layer& layer : chosen.evict) {
            point("evicting " + layer.type);
            store.evict(layer);
            log::debug(fmt::format("evicted the disk of a '{}' layer", layer.type));
        }
        point("dropped");
        if (!gone.empty()) {
            journal_.forget_layers(gone);
        }
    }

    Recipe& recipe_;
    const BuildOptions& options_;
    const Host& host_;
    const BuildSeams& seams_;
    StateDb database_;
    Journal journal_;
    std::optional<FileLock> alive_;
    BuildReport report_;
};

}  // namespace

std::vector<PlannedStage> plan_build(Recipe& recipe, const BuildOptions& options, const Host& host) {
    return translated([&] {
        host.places.create();
        StateDb database(host.places.state_db());
        Journal journal(database);
        return plan_now(recipe, options, host, journal);
    });
}

BuildReport build(Recipe& recipe, const BuildOptions& options, const Host& host, const BuildSeams& seams) {
    return translated([&] { return Run(recipe, options, host, seams).go(); });
}

Json build_record(const BuildReport& report) {
    std::vector<PlannedStage> plan;
    for (const BuiltStage& stage : report.stages) {
        plan.push_back(stage.plan);
    }
    Json record = plan_record(report.recipe, plan);
    for (std::size_t i = 0; i < report.stages.size(); ++i) {
        record["stages"][i]["seconds"] = std::round(report.stages[i].seconds * 1000) / 1000;
    }
    record["run"] = report.run;
    record["generation"] = generation_json(report.facts);
    record["image"] = image_json(report.facts);
    if (report.facts.verify) {
        record["verify"] = verify_json(*report.facts.verify);
    }
    if (!report.facts.exports.empty()) {
        record["files"] = exports_json(report.facts);
    }
    return record;
}

std::string build_text(const BuildReport& report) {
    std::size_t ran = 0;
    double seconds = 0;
    std::string text;
    for (const BuiltStage& stage : report.stages) {
        const bool run = stage.plan.verdict == PlannedStage::Verdict::run;
        ran += run ? 1U : 0U;
        seconds += stage.seconds;
        text += fmt::format(
            "{:<12} {:<7} {}\n", stage.plan.name,
            run ? duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(stage.seconds * 1000)))
                : "cached",
            stage.plan.reason);
    }
    const auto took = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    text += ran == 0 ? fmt::format("{}: nothing changed, no stage ran\n", report.recipe)
                     : fmt::format("{}: {} of {} stages ran in {}\n", report.recipe, ran,
                                   report.stages.size(), duration_text(took));
    if (const auto& verify = report.facts.verify) {
        text += fmt::format("{} checks passed\n", verify->checks.size());
    }
    for (const ExportedFile& file : report.facts.exports) {
        text += fmt::format("exported {}\n", file.path.string());
    }
    if (const auto& published = report.facts.published) {
        text += fmt::format("generation {} of {}\n{}\n", published->generation, report.recipe,
                            published->disk.string());
    } else if (report.disk) {
        text += fmt::format("disk: {} (a cached layer; add a publish stage to make a golden image)\n",
                            report.disk->string());
    }
    return text;
}

}  // namespace imgforge::engine
