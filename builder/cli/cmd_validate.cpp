// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"

namespace imgforge::cli {
namespace {

/// A recipe that is not there or cannot be read is a fault like others, so that the remaining ones are still
/// looked at.
Diagnostics check(const std::string& name, const engine::RecipeRules& rules,
                  const std::vector<engine::Override>& overrides) {
    try {
        return engine::load_recipe(recipe_file(name), rules, overrides).diagnostics;
    } catch (const Error& error) {
        if (error.kind() == Failure::usage && !overrides.empty()) {
            throw;
        }
        Diagnostics diagnostics;
        diagnostics.add({.file = name, .message = error.message(), .suggestion = error.hint()});
        return diagnostics;
    }
}

int run_validate(const Arguments& arguments, CommandContext& context) {
    const engine::RecipeRules rules = recipe_rules();
    std::vector<engine::Override> overrides;
    for (const std::string& text : arguments.all("set")) {
        overrides.push_back(engine::parse_override(text));
    }
    Diagnostics all;
    std::string text;
    for (const std::string& name : arguments.all("RECIPE")) {
        const Diagnostics found = check(name, rules, overrides);
        text += found.empty() ? fmt::format("{}: no faults\n", name) : found.text();
        all.append(found);
    }
    context.result({{"diagnostics", all.to_json()}}, text);
    return all.has_errors() ? static_cast<int>(ExitCode::recipe_invalid) : 0;
}

}  // namespace

Command validate_command() {
    return {
        .name = "validate",
        .group = "Build",
        .summary = "every fault of a recipe at once",
        .description =
            "Prints file:line:column: message for each fault, with the nearest known name for a mistyped "
            "one, and exits 3. "
            "Nothing is run and nothing is downloaded.",
        .positionals = {{.name = "RECIPE",
                         .help = "recipe file, or name of a shipped recipe",
                         .repeatable = true,
                         .completes = Completes::recipe}},
        .options = {{.names = {"--set"},
                     .value = "KEY=VALUE",
                     .help = "change the recipe first, as in `imgforge build`",
                     .repeatable = true}},
        .examples = {{"imgforge validate my.recipe", "check one recipe"},
                     {"imgforge validate *.recipe --json", "check many, for an editor or CI"}},
        .run = run_validate,
    };
}

}  // namespace imgforge::cli
