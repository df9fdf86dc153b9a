// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/engine/inspection.hpp"

namespace imgforge::cli {
namespace {

int run_inspect(const Arguments& arguments, CommandContext& context) {
    const std::vector<engine::Recipe> recipes = load_all(arguments, context);
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
        .summary = "a recipe as the build sees it, and where each value came from",
        .description =
            "Shows the recipe with what it extends, with its variables and with defaults, each value with "
            "the file "
            "and line it came from. Secrets are not read and not shown.",
        .positionals = {{.name = "RECIPE",
                         .help = "recipe file, or name of a shipped recipe",
                         .completes = Completes::recipe}},
        .options = {{.names = {"--set"},
                     .value = "KEY=VALUE",
                     .help = "change the recipe first, as in `imgforge build`",
                     .repeatable = true},
                    {.names = {"--vars"},
                     .value = "FILE",
                     .help = "variables for the recipe, as in `imgforge build`",
                     .repeatable = true,
                     .completes = Completes::file}},
        .examples = {{"imgforge inspect web.recipe", "what is left when all is put together"}},
        .run = run_inspect,
    };
}

}  // namespace imgforge::cli
