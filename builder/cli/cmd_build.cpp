// SPDX-License-Identifier: GPL-3.0-or-later
#include <mutex>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/report/page_file.hpp"
#include "pipelines/report/run_folder.hpp"
#include "pipelines/stages/matrix.hpp"
#include "templates/distribution.hpp"

namespace imgforge::cli {
namespace {

/// The files about a build that the user asked for.
struct ReportFiles {
    std::optional<std::string> page{};   ///< --html
    std::optional<std::string> junit{};  ///< --junit
    bool any() const { return page || junit; }
};

void write_reports(const ReportFiles& files, const std::vector<std::filesystem::path>& run_folders) {
    const interrupt::Shield shield;
    std::vector<report::RunReport> runs;
    for (const std::filesystem::path& folder : run_folders) {
        runs.push_back(report::read_run(folder));
    }
    if (files.page) {
        report::write_page(*files.page, runs.front());
    }
    if (files.junit) {
        report::write_junit(*files.junit, runs);
    }
}

/// Remembers the run directories, for the reports.
class RunFolders final : public engine::BuildObserver {
public:
    void opened(const std::filesystem::path& folder) override {
        const std::lock_guard guard(mutex_);
        folders_.push_back(folder);
    }
    const std::vector<std::filesystem::path>& list() const { return folders_; }

private:
    std::mutex mutex_;  // the images of a matrix are built by several threads
    std::vector<std::filesystem::path> folders_;
};

/// Runs `body` with an observer, and writes the files however it ends.
template <class Body>
auto with_reports(const ReportFiles& files, const CommandContext& context, const Body& body) {
    RunFolders folders;
    try {
        auto built = body(&folders);
        if (files.any() && !folders.list().empty()) {
            write_reports(files, folders.list());
        }
        return built;
    } catch (...) {
        if (files.any() && !folders.list().empty()) {
            try {
                write_reports(files, folders.list());
            } catch (const std::exception& fault) {
                // What ended the build is what the user must read.
                context.monitor->warning(fmt::format("no report file: {}", fault.what()));
            }
        }
        throw;
    }
}

engine::BuildOptions build_options(const Arguments& arguments) {
    engine::BuildOptions options{.fresh = arguments.has("fresh"),
                                 .from = arguments.get_or("from", ""),
                                 .until = arguments.get_or("until", ""),
                                 .keep_failed = arguments.has("keep-failed")};
    if (const auto age = arguments.get("max-age")) {
        options.max_age = parse_duration(*age);
    }
    return options;
}

/// The images of a matrix.
int run_matrix(const Arguments& arguments, CommandContext& context, std::vector<engine::Recipe>& recipes) {
    const std::string name = std::filesystem::path(arguments.get_or("RECIPE", "")).stem().string();
    const engine::BuildOptions options = build_options(arguments);
    if (arguments.has("plan") || arguments.has("explain")) {
        std::vector<stages::ImagePlan> plans;
        for (engine::Recipe& recipe : recipes) {
            plans.push_back({recipe.facts.name, engine::plan_build(recipe, options, context)});
        }
        const bool explain = arguments.has("explain");
        context.result(stages::matrix_plan_record(name, plans, explain),
                       stages::matrix_plan_text(name, plans, explain));
        return 0;
    }
    if (arguments.has("html")) {
        throw Error(Failure::usage, fmt::format("--html: {} makes {} images", name, recipes.size()),
                    "choose one with --set matrix.NAME=VALUE");
    }
    const ReportFiles files{.junit = arguments.get("junit")};
    const MachineDisks disks(context);
    const std::vector<stages::ImageBuild> images =
        with_reports(files, context, [&](engine::BuildObserver* observer) {
            return stages::build_matrix(recipes, options, context, &disks, observer);
        });
    stages::throw_failures(images);
    std::string text;
    for (const stages::ImageBuild& image : images) {
        text += engine::build_text(*image.report);
    }
    context.result(stages::matrix_build_record(name, images), text);
    return 0;
}

int run_build(const Arguments& arguments, CommandContext& context) {
    std::vector<engine::Recipe> recipes = load_all(arguments, context);
    if (recipes.size() > 1) {
        return run_matrix(arguments, context, recipes);
    }
    engine::Recipe& recipe = recipes.front();
    const engine::BuildOptions options = build_options(arguments);
    if (arguments.has("plan") || arguments.has("explain")) {
        const bool explain = arguments.has("explain");
        const std::vector<engine::PlannedStage> plan = engine::plan_build(recipe, options, context);
        Json record = engine::plan_record(recipe.facts.name, plan, explain);
        std::string text = engine::plan_text(recipe.facts.name, plan, explain);
        if (const std::string& os = recipe.facts.os; !os.empty()) {
            record["proven"] = templates::distribution(os).proven.text();
            text += fmt::format("{}: {}\n", os, record["proven"].get<std::string>());
        }
        context.result(record, text);
        return 0;
    }
    const ReportFiles files{.page = arguments.get("html"), .junit = arguments.get("junit")};
    const MachineDisks disks(context);
    const engine::BuildReport report = with_reports(files, context, [&](engine::BuildObserver* observer) {
        return engine::build(recipe, options, context, &disks, observer);
    });
    context.result(engine::build_record(report), engine::build_text(report));
    return 0;
}

std::vector<Option> build_command_options() {
    return {{.names = {"--plan"}, .help = "show what would run and why, then stop"},
            {.names = {"--explain"}, .help = "like --plan, with everything that changed"},
            {.names = {"--from"},
             .value = "STAGE",
             .help = "run this stage and all after it even if nothing changed"},
            {.names = {"--until"}, .value = "STAGE", .help = "stop after this stage; nothing is promoted"},
            {.names = {"--fresh"}, .help = "ignore all cached results"},
            {.names = {"--max-age"},
             .value = "TIME",
             .help = "rebuild results older than this (12h, 7d); overrides the recipe's max-age"},
            {.names = {"--set"},
             .value = "KEY=VALUE",
             .help = "change the recipe: machine.memory=2G, installer.iso=FILE, stages.STAGE.OPTION=VALUE",
             .repeatable = true},
            {.names = {"--vars"},
             .value = "FILE",
             .help = "variables for the recipe: a file of `name: value` lines",
             .repeatable = true,
             .completes = Completes::file},
            {.names = {"--html"},
             .value = "FILE",
             .help = "write a page about the build, see imgforge report",
             .completes = Completes::file},
            {.names = {"--junit"},
             .value = "FILE",
             .help = "write stages and checks as JUnit XML, for CI systems",
             .completes = Completes::file},
            {.names = {"--keep-failed"},
             .help = "keep what a failed stage left behind, including its machine, for debugging"}};
}

}  // namespace

Command build_command() {
    return {
        .name = "build",
        .group = "Build",
        .summary = "run a recipe's pipeline: from an installer ISO to a golden image",
        .description =
            "The result of every stage is cached: a build in which nothing changed runs no "
            "stage, a changed option runs its stage and those after it, and a build that failed "
            "or was killed resumes at the stage that failed.\n\nA matrix builds several images, "
            "as many in parallel as `jobs` and `budget` in the settings allow; --set "
            "matrix.NAME=VALUE selects among them.\n\nRECIPE is a path, or the name of a shipped "
            "recipe (with or without .recipe). Relative names given with --set are relative to "
            "the current directory. Setting installer.iso replaces the recipe's ISO together "
            "with its checksums and signature; set installer.sha256 after it to verify the new "
            "one.",
        .positionals = {{.name = "RECIPE",
                         .help = "recipe file, or name of a shipped recipe",
                         .completes = Completes::recipe}},
        .options = build_command_options(),
        .examples = {{"imgforge build debian13", "build the shipped recipe"},
                     {"imgforge build my.recipe --plan", "see what would run, and why"},
                     {"imgforge build debian13 --set installer.iso=debian-13.1.0-amd64-netinst.iso",
                      "use an ISO that is already on this host"},
                     {"imgforge build web.recipe --set vars.release=trixie", "set a variable of the recipe"},
                     {"imgforge build web.recipe --junit results.xml", "report the checks to a CI system"},
                     {"imgforge build my.recipe --from customize --keep-failed", "work on one stage"}},
        .run = run_build,
    };
}

}  // namespace imgforge::cli
