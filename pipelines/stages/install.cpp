// SPDX-License-Identifier: GPL-3.0-or-later
// The stage `install`: a medium and answers in, an installed disk out. What is specific to a distribution
// comes from templates/, what is specific to an answer format from seeds/.
#include <fmt/format.h>

#include <algorithm>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/install/artefacts.hpp"
#include "builder/install/install_machine.hpp"
#include "builder/install/verify.hpp"
#include "builder/virt/acceleration.hpp"
#include "pipelines/stages/disk_passphrase.hpp"
#include "pipelines/stages/install_plan_of.hpp"
#include "pipelines/stages/install_preparation.hpp"
#include "pipelines/stages/medium_check.hpp"
#include "pipelines/stages/medium_source.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "seeds/answers.hpp"

namespace imgforge::stages {

namespace fs = std::filesystem;
using engine::Ingredient;
using engine::RecipeFacts;
using engine::StageResult;
using engine::StageTask;

namespace {

guest::Accelerator for_appliance(const install::InstallPlan& plan) {
    return plan.accel == virt::DomainSpec::Accel::kvm ? guest::Accelerator::kvm : guest::Accelerator::tcg;
}

/// The command of answers.post with that number (from 1), as it stands in the recipe; empty for 0.
std::string post_command(const Json& options, std::size_t number) {
    const Json post = answers_block(options).value("post", Json::array());
    return number == 0 || number > post.size() ? std::string() : post.at(number - 1).get<std::string>();
}

/// What the user reads when it went wrong: the sentence, what to do, the line to add, and where everything
/// lies.
[[noreturn]] void fail(const StageTask& task, const install::InstallPlan& plan,
                       const install::InstallReport& report) {
    // Before partitioning there is nothing on the disk, and starting an appliance for it would only cost
    // time.
    if (report.reach.empty() && allocated_size(plan.disk) > (8U << 20U)) {
        const install::Artefacts artefacts(plan.folder);
        artefacts.attempt("installer logs", [&] {
            const fs::path folder = plan.folder / "installer-logs";
            for (const std::string& name : install::pull_installer_logs(
                     plan.disk, plan.row->installer_logs, folder, for_appliance(plan), *task.host->monitor)) {
                artefacts.mask(folder / name);
            }
        });
    }
    const install::Outcome& outcome = report.outcome;
    std::string hint = outcome.remedy;
    if (!outcome.answer.empty()) {
        hint += fmt::format("\n  line for the answers: {}", outcome.answer);
    }
    if (const std::string command = post_command(task.options, outcome.post_command); !command.empty()) {
        hint += fmt::format("\n  the command: {}", redact(command));
    }
    hint += fmt::format("\n  console, screen and logs: {}", plan.folder.string());
    if (!report.reach.empty()) {
        hint += fmt::format("\n  the machine is still there:\n  {}", report.reach);
    }
    Error error(outcome.kind == install::Outcome::Kind::too_long ? Failure::timeout : Failure::guest,
                redact(outcome.message), hint);
    const std::size_t first = report.tail.size() > 8 ? report.tail.size() - 8 : 0;
    for (std::size_t i = first; i < report.tail.size(); ++i) {
        error.add_context("console: " + redact(report.tail[i]));
    }
    // A question says itself what is wrong; what made a component fail is in the log only.
    if (outcome.kind == install::Outcome::Kind::failed) {
        for (const std::string& line : report.log_tail) {
            error.add_context("log: " + redact(line));
        }
    }
    throw error;
}

engine::BuildFacts facts_of(const Preparation& made, const install::InstalledSystem& system,
                            const install::InstallReport& report, const virt::Acceleration& acceleration) {
    return {
        .medium = engine::MediumFacts{.sha256 = made.medium.sha256, .verified_by = made.medium.verified_by},
        .install =
            engine::InstallFacts{.os = made.row->name,
                                 .product = system.os.product,
                                 .label = made.info.label,
                                 .kernel = system.kernel,
                                 .boot_loader = system.boot_loader,
                                 .seconds = report.seconds,
                                 .acceleration = std::string(virt::to_string(acceleration.accelerator))}};
}

/// A mirror or network error gets one second try, from an empty disk; nothing else does: it would only fail
/// the same way later.
install::InstallReport install_patiently(const StageTask& task, const install::InstallPlan& plan,
                                         Activity& activity) {
    install::InstallReport report =
        install::run_install(plan, *task.host->clock, activity, *task.host->monitor);
    if (!report.outcome.transient || report.outcome.worth_verifying() || !report.reach.empty()) {
        return report;
    }
    task.host->monitor->warning("such errors pass: trying once more from an empty disk");
    const fs::path first = fs::path(plan.folder).concat("-first-try");
    remove_tree(first);
    fs::rename(plan.folder, first);
    make_empty_disk(task, *plan.row);
    return install::run_install(plan, *task.host->clock, activity, *task.host->monitor);
}

/// What of a distribution's row, its family's part included, shapes the installed disk. What watches or
/// describes the installation (rules, weights, timeout) does not: a better failure phrase must not cost
/// anybody an installation.
std::vector<Ingredient> template_ingredients(const templates::Distribution& row) {
    std::string boot;
    for (const templates::BootFiles& files : row.boot) {
        boot += fmt::format("{} {} {}\n", files.arch, files.kernel, files.initrd);
    }
    std::string facts;
    for (const templates::MediumFact& fact : row.facts) {
        facts += fmt::format("{} {} {} {}\n", fact.name, fact.file, fact.match, fact.fallback);
    }
    return {{.name = "template kernel-line", .value = row.kernel_line},
            {.name = "template boot", .value = boot},
            {.name = "template facts", .value = facts},
            {.name = "template answers",
             .value = fmt::format("{} {} {}", row.answers, row.delivery.path, row.delivery.label)}};
}

/// The answers are made and thrown away: what would fail after the download fails here.
Diagnostics answer_faults(const RecipeFacts& recipe, const Json& options) {
    const templates::Distribution& row = templates::distribution(recipe.os);
    try {
        return make_answers(recipe, options, row, facts_of_row(row, recipe)).faults;
    } catch (const Error& error) {
        Diagnostics faults;
        faults.add({.message = error.message(), .suggestion = error.hint()});
        return faults;
    }
}

class InstallStage final : public engine::StageType {
public:
    std::string_view name() const override { return "install"; }
    bool starts_afresh() const override { return true; }
    std::string_view summary() const override {
        return "run the distribution's installer unattended on an empty disk";
    }
    int revision() const override { return 1; }
    const Json& schema() const override;
    void check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override;
    std::vector<Ingredient> ingredients(const RecipeFacts& recipe, const Json& options) const override;
    StageResult run(StageTask& task) const override;
};

const Json& InstallStage::schema() const {
    static const Json schema = [] {
        Json properties = Json::object();
        properties["answers"] = seeds::answers_schema();
        for (const auto& [option, format] : answer_files) {
            properties[option] = {
                {"type", "string"},
                {"format", "path"},
                {"description",
                 fmt::format("Your own {} file instead of the generated answers, relative to the recipe",
                             option)},
                {"default", ""}};
        }
        properties["values"] = {
            {"type", "object"},
            {"x-secrets", true},
            {"additionalProperties", {{"type", "string"}}},
            {"propertyNames",
             {{"pattern", "^[a-z][a-z0-9_-]*$"},
              {"x-message", "must be small letters, digits, '_' and '-', starting with a letter"}}},
            {"description",
             "Values for your own answer file, by name: @NAME@ in it is replaced when the file is passed to "
             "the installer; secrets are masked in everything that is kept"}};
        properties["network"] = {{"type", "boolean"},
                                 {"description",
                                  "Whether an installation with your own answer file has a network; "
                                  "default: if the file names a mirror or the ISO requires "
                                  "one"}};
        properties["timeout"] = {
            {"type", "string"},
            {engine::affects_result, false},
            {"description",
             "Longest time the installation may take, 90m; empty: what the distribution's template says"},
            {"default", ""}};
        return Json{{"type", "object"}, {"additionalProperties", false}, {"properties", properties}};
    }();
    return schema;
}

void InstallStage::check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document,
                         const std::string& pointer, Diagnostics& diagnostics) const {
    check_keyring(installer_of(recipe), "/installer", recipe.folder, document, diagnostics);
    check_medium(recipe, document, pointer, diagnostics);
    check_local_medium(recipe, document, diagnostics);
    const auto own = own_answers(recipe, options);
    if (own) {
        const std::string at = pointer + "/" + own->option;
        if (options.contains("answers") && !options.at("answers").empty()) {
            diagnostics.add(
                document.at(at, fmt::format("'{}' replaces 'answers': give one of them", own->option)));
        }
        if (fs::exists(own->file)) {
            check_values(*own, options, document, pointer, diagnostics);
        } else {
            diagnostics.add(document.at(at, fmt::format("{} does not exist", own->file.string())));
            return;
        }
    } else if (!options.value("values", Json::object()).empty()) {
        diagnostics.add(document.at(
            pointer + "/values", "'values' fills in a file of your own, and none is named", "preseed: FILE"));
    } else if (options.contains("network")) {
        diagnostics.add(document.at(pointer + "/network",
                                    "'network' is only valid together with "
                                    "an answer file of your own",
                                    "answers: {offline: false}"));
    }
    Diagnostics faults;
    if (recipe.os.empty()) {
        if (own) {
            faults = seeds::check(own->format, read_file(own->file, 4U << 20U), own->file.string());
        } else {
            seeds::parse_answers(answers_block(options), faults, "/answers");
        }
    } else if (const auto names = templates::distribution_names();
               std::find(names.begin(), names.end(), recipe.os) != names.end()) {
        faults = answer_faults(recipe, options);
    }
    for (const Diagnostic& fault : faults.list()) {
        if (!fault.file.empty()) {
            diagnostics.add(fault);  // of a file of the user's own
        } else {
            Diagnostic placed = document.at(pointer + fault.pointer, fault.message, fault.suggestion);
            placed.severity = fault.severity;
            diagnostics.add(placed);
        }
    }
}

std::vector<Ingredient> InstallStage::ingredients(const RecipeFacts& recipe, const Json& options) const {
    std::vector<Ingredient> list = medium_ingredients(recipe, packages_of(options));
    for (Ingredient& machine : engine::value_ingredients("machine", to_json(recipe.machine))) {
        // How fast it goes is not what comes out.
        if (machine.name != "machine.memory" && machine.name != "machine.vcpus") {
            list.push_back(std::move(machine));
        }
    }
    if (const auto own = own_answers(recipe, options)) {
        list.push_back(engine::named_file_ingredient(own->file, recipe));
    }
    if (!recipe.os.empty()) {
        for (Ingredient& one : template_ingredients(templates::distribution(recipe.os))) {
            list.push_back(std::move(one));
        }
    }
    return list;
}

StageResult InstallStage::run(StageTask& task) const {
    Preparation made;
    made.medium = obtain_medium(task, packages_of(task.options));
    for (const std::string& note : made.medium.notes) {
        task.host->monitor->message(note);
    }
    prepare_installation(task, made);
    const virt::Acceleration acceleration = virt::acceleration(
        *task.host->processes, task.host->places.cache(), task.host->settings.acceleration);
    install::InstallPlan plan = install_plan_of(task, made, acceleration);
    if (const std::string limit = task.options.value("timeout", ""); !limit.empty()) {
        plan.total = parse_duration(limit);
    }
    Activity activity(*task.host->monitor,
                      fmt::format("installing {} {}", made.info.product, made.info.version), task.activity);
    const install::InstallReport report = install_patiently(task, plan, activity);
    if (!report.outcome.worth_verifying()) {
        fail(task, plan, report);
    }
    activity.detail("checking the installed disk");
    const install::InstalledSystem system =
        install::verify_disk(plan.disk,
                             {.marker = plan.marker,
                              .marker_file = std::string(seeds::result_file),
                              .bios = !uses_uefi(*task.recipe),
                              .accelerator = for_appliance(plan),
                              .activity = activity.id(),
                              .passphrase_file = write_passphrase(*task.recipe, made.work)},
                             *task.host->monitor);
    activity.finish();
    remove_tree(made.work);
    return {.disk = "disk.qcow2", .facts = facts_of(made, system, report, acceleration), .standalone = true};
}

}  // namespace

const engine::StageType& install_stage() {
    static const InstallStage stage;
    return stage;
}

}  // namespace imgforge::stages
