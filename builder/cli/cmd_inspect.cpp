// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "builder/base/error.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/engine/inspection.hpp"
#include "pipelines/stages/install_answers.hpp"

namespace imgforge::cli {
namespace {

/// The answers of the recipe's install stage as files. `directory` gets one directory per image of a matrix.
Json write_answers(const std::vector<engine::Recipe>& recipes, const std::filesystem::path& directory) {
    Json written = Json::array();
    for (const engine::Recipe& recipe : recipes) {
        const auto install = std::find_if(recipe.stages.begin(), recipe.stages.end(),
                                          [](const auto& stage) { return stage.type == "install"; });
        if (install == recipe.stages.end()) {
            throw Error(Failure::usage,
                        fmt::format("{} has no install stage, so it makes no answers", recipe.facts.name),
                        "answers are what `- install:` hands to an installer");
        }
        const std::filesystem::path folder = recipes.size() > 1 ? directory / recipe.facts.name : directory;
        for (const std::string& name : stages::write_answers_to(recipe.facts, install->options, folder)) {
            written.push_back((folder / name).string());
        }
    }
    return written;
}

int run_inspect(const Arguments& arguments, CommandContext& context) {
    const std::vector<engine::Recipe> recipes = load_all(arguments, context);
    if (const auto directory = arguments.get("answers")) {
        const Json written = write_answers(recipes, *directory);
        std::string text;
        for (const Json& file : written) {
            text += file.get<std::string>() + "\n";
        }
        context.result({{"files", written}}, text);
        return 0;
    }
    if (recipes.size() == 1) {
        context.result(engine::inspection_record(recipes.front()), engine::inspection_text(recipes.front()));
        return 0;
    }
    Json images = Json::array();
    std::string text;
    for (const engine::Recipe& recipe : recipes) {
        images.push_back(engine::inspection_record(recipe));
        text += fmt::format("{}# {}\n{}", text.empty() ? "" : "\n", recipe.facts.name,
                            engine::inspection_text(recipe));
    }
    context.result({{"images", std::move(images)}}, text);
    return 0;
}

}  // namespace

Command inspect_command() {
    return {
        .name = "inspect",
        .group = "Build",
        .summary = "show a recipe as the build sees it, and where each value came from",
        .description =
            "Shows the recipe after inheritance, variables and defaults, each value with the "
            "file and line it came from. Secrets are neither read nor shown.\n\n--answers writes "
            "what the installer would receive: the answer file under its real name, its "
            "companion files, and kernel-line.txt. No ISO is needed.",
        .positionals = {{.name = "RECIPE",
                         .help = "recipe file, or name of a shipped recipe",
                         .completes = Completes::recipe}},
        .options = {{.names = {"--answers"},
                     .value = "DIR",
                     .help = "write the installer's answers into this directory",
                     .completes = Completes::folder},
                    set_option(),
                    vars_option()},
        .examples = {{"imgforge inspect web.recipe", "the recipe with everything resolved"},
                     {"imgforge inspect debian13 --answers answers/", "see the preseed file"}},
        .run = run_inspect,
    };
}

}  // namespace imgforge::cli
