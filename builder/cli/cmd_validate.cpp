// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/strict_yaml.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "templates/distribution.hpp"

namespace imgforge::cli {
namespace {

constexpr std::uint64_t row_limit = 4U << 20U;

/// A recipe that is not there or cannot be read is an error like others, so that the remaining ones are still
/// looked at.
Diagnostics check(const std::string& name, const engine::RecipeRules& rules,
                  const std::vector<engine::Override>& overrides) {
    try {
        return engine::load_recipes(recipe_file(name), rules, overrides).diagnostics;
    } catch (const Error& error) {
        if (error.kind() == Failure::usage && !overrides.empty()) {
            throw;
        }
        Diagnostics diagnostics;
        diagnostics.add({.file = name, .message = error.message(), .suggestion = error.hint()});
        return diagnostics;
    }
}

/// A row of a distribution, which says how a medium is detected and what it installs, and not a recipe, which
/// has stages.
bool is_row(const std::string& name) {
    std::error_code code;
    if (!name.ends_with(".yaml") || !std::filesystem::is_regular_file(name, code)) {
        return false;
    }
    Diagnostics ignored;
    const auto document = parse_yaml(read_file(name, row_limit), name, ignored);
    const auto has = [&](const char* key) { return document->root.contains(key); };
    return document && document->root.is_object() && !has("stages") &&
           (has("detect") || has("product") || has("login-user"));
}

/// What the row of the recipe's `os` is worth: installed for real, or not yet.
std::string proven_text(const std::string& name, const engine::RecipeRules& rules,
                        const std::vector<engine::Override>& overrides) {
    const auto loaded = engine::load_recipe(recipe_file(name), rules, overrides);
    if (!loaded.recipe || loaded.recipe->facts.os.empty()) {
        return {};
    }
    const std::string& os = loaded.recipe->facts.os;
    return fmt::format(" ({}: {})", os, templates::distribution(os).proven.text());
}

int run_validate(const Arguments& arguments, CommandContext& context) {
    const engine::RecipeRules rules = recipe_rules(arguments);
    const std::vector<engine::Override> overrides = recipe_overrides(arguments);
    Diagnostics all;
    std::string text;
    for (const std::string& name : arguments.all("RECIPE")) {
        const bool row = is_row(name);
        const Diagnostics found = row ? templates::check_row_file(name) : check(name, rules, overrides);
        text += found.empty()
                    ? fmt::format("{}: no errors{}\n", name, row ? "" : proven_text(name, rules, overrides))
                    : found.text();
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
        .summary = "report every error of a recipe at once",
        .description =
            "Prints file:line:column: message for each error, with the nearest known name for a "
            "mistyped one, and exits 3. Nothing is run and nothing is downloaded. The "
            "installer's answer file is generated and discarded, so that settings its format "
            "cannot express are reported here. A .yaml file that describes a distribution (it "
            "has `detect`) is checked as such.",
        .positionals = {{.name = "RECIPE",
                         .help = "recipe file, or name of a shipped recipe",
                         .repeatable = true,
                         .completes = Completes::recipe}},
        .options = {set_option(), vars_option()},
        .examples = {{"imgforge validate my.recipe", "check one recipe"},
                     {"imgforge validate ~/.config/imgforge/distributions.d/mint.yaml",
                      "check a distribution of your own"},
                     {"imgforge validate *.recipe --json", "check many, for an editor or CI"}},
        .run = run_validate,
    };
}

}  // namespace imgforge::cli
