// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/signing_place.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/provision/check_runner.hpp"
#include "pipelines/stages/clones.hpp"
#include "pipelines/stages/secret_values.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "pipelines/stages/verify_clones.hpp"
#include "pipelines/stages/verify_files.hpp"
#include "pipelines/store/checks_record.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

using engine::StageResult;
using engine::StageTask;
using provision::Check;
using provision::CheckResult;

std::vector<CheckResult> check_clone(lifecycle::Lifecycle& machines, const lifecycle::MachineView& view,
                                     const std::vector<Check>& checks, const StageTask& task) {
    const provision::GuestShell shell(machines.processes(),
                                      machines.ssh_target(view.record, lifecycle::first_address(view)));
    const fs::path folder = task.run_folder / task.name / view.record.name;
    make_directories(folder, 0700);
    const provision::CheckContext context{.processes = task.host->processes,
                                          .clock = task.host->clock,
                                          .monitor = task.host->monitor,
                                          .activity = task.activity,
                                          .shell = &shell,
                                          .folder = folder,
                                          .ports = port_places(machines, view, checks)};
    return provision::run_checks(checks, context);
}

engine::CheckFacts fact_of(const CheckResult& result, const std::string& prefix) {
    return {
        .name = prefix + result.name, .ok = result.ok, .seconds = result.seconds, .output = result.output};
}

[[noreturn]] void fail(const std::vector<engine::CheckFacts>& failed, std::size_t count,
                       const std::string& advice) {
    std::vector<std::string> names;
    for (const engine::CheckFacts& check : failed) {
        names.push_back(check.name);
    }
    Error error(Failure::integrity,
                fmt::format("{} of {} checks failed: {}", failed.size(), count, fmt::join(names, "; ")),
                advice);
    for (const engine::CheckFacts& check : failed) {
        error.add_context(
            fmt::format("{}:\n{}", check.name, check.output.empty() ? "(no output)" : check.output));
    }
    throw error;
}

class VerifyStage final : public engine::StageType {
public:
    std::string_view name() const override { return "verify"; }
    std::string_view needs() const override { return "generation"; }
    bool works_on_disk() const override { return true; }
    std::string_view summary() const override {
        return "check clones of the published generation: services, ports, files, packages, commands, "
               "testinfra";
    }
    int revision() const override { return 1; }
    const Json& schema() const override { return provision::verify_schema(); }

    void check(const engine::RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        for (const auto& [below, message] : provision::check_checks(options, recipe.folder)) {
            diagnostics.add(document.at(pointer + below, message));
        }
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json& options) const override {
        std::vector<engine::Ingredient> list;
        for (const fs::path& file : provision::check_files(options, recipe.folder)) {
            list.push_back(engine::named_file_ingredient(file, recipe));
        }
        // Files count by content; what is said beside them counts as it stands.
        const Json scripts = options.value("script", Json::array());
        for (const Json& script : scripts.is_array() ? scripts : Json::array({scripts})) {
            if (script.is_object()) {
                Json rest = script;
                rest.erase("file");
                list.push_back({.name = "script options", .value = canonical(rest)});
            }
        }
        return list;
    }

    StageResult run(StageTask& task) const override {
        static_cast<void>(published_generation(task));  // before anything is started
        const std::vector<Check> checks =
            provision::parse_checks(task.options, task.recipe->folder, secret_values(*task.recipe));
        provision::require_testinfra(checks, *task.host->processes);
        StageResult result;
        result.facts.verify = verified(task, checks);
        return result;
    }

private:
    /// All results, with those of earlier verify stages before them; throws when one of these failed.
    static engine::VerifyFacts verified(const StageTask& task, const std::vector<Check>& checks) {
        lifecycle::Lifecycle machines(*task.host);
        const auto started = task.host->clock->now();
        const auto seconds = [&] {
            return std::chrono::duration<double>(task.host->clock->now() - started).count();
        };
        engine::VerifyFacts facts;
        std::optional<VerifyClones> clones;
        try {
            clones.emplace(machines, task);
        } catch (const Error& error) {
            facts.checks.push_back({.name = "the clone boots",
                                    .ok = false,
                                    .seconds = seconds(),
                                    .output = redact(error.describe())});
            write_checks(task.run_folder, task.name, facts);
            if (error.kind() == Failure::timeout) {
                // A candidate that does not come up has failed its verification (exit code 5), not its host.
                throw Error(Failure::integrity, error.message(), error.hint());
            }
            throw;
        }
        facts.checks.push_back({.name = "the clone boots", .ok = true, .seconds = seconds()});
        for (std::size_t i = 0; i < clones->views().size(); ++i) {
            const std::string prefix = i == 0 ? "" : fmt::format("clone {}: ", i + 1);
            for (const CheckResult& one : check_clone(machines, clones->views()[i], checks, task)) {
                facts.checks.push_back(fact_of(one, prefix));
            }
        }
        write_checks(task.run_folder, task.name, facts);
        engine::VerifyFacts all = with_earlier(task, facts);
        store::record_checks(machines.store(), task.recipe->name, published_generation(task),
                             engine::verify_json(all),
                             signing_key_file(task.host->settings, task.host->places));
        judge(task, facts, *clones);
        return all;
    }

    static void judge(const StageTask& task, const engine::VerifyFacts& facts, VerifyClones& clones) {
        std::vector<engine::CheckFacts> failed;
        std::copy_if(facts.checks.begin(), facts.checks.end(), std::back_inserter(failed),
                     [](const auto& check) { return !check.ok; });
        if (failed.empty()) {
            task.host->monitor->message(fmt::format("{}: {} checks passed", task.name, facts.checks.size()));
            return;
        }
        const std::string advice =
            task.keep_failed
                ? fmt::format("the clone is still there:\n  {}", clones.keep())
                : "the generation is not put into service; --keep-failed leaves the clone to be looked at";
        fail(failed, facts.checks.size(), advice);
    }

    static engine::VerifyFacts with_earlier(const StageTask& task, engine::VerifyFacts facts) {
        if (const auto& earlier = task.input.facts.verify) {
            facts.checks.insert(facts.checks.begin(), earlier->checks.begin(), earlier->checks.end());
        }
        return facts;
    }
};

}  // namespace

const engine::StageType& verify_stage() {
    static const VerifyStage stage;
    return stage;
}

}  // namespace imgforge::stages
