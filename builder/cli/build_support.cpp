// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/build_support.hpp"

#include <algorithm>
#include <set>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/stages/registry.hpp"
#include "templates/distribution.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

/// Backing files that the records of machines name.
std::set<fs::path> machine_backings(const Places& places) {
    std::set<fs::path> backings;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(places.instances(), code)) {
        const fs::path record = entry.path() / "instance.json";
        if (!fs::exists(record, code)) {
            continue;
        }
        try {
            const Json machine = parse_json(read_file(record), record.string());
            const Json disk = machine.is_object() ? machine.value("disk", Json::object()) : Json::object();
            if (disk.is_object() && disk.contains("backing") && disk["backing"].is_string()) {
                backings.insert(disk["backing"].get<std::string>());
            }
        } catch (const Error&) {
            continue;  // a record being written, or damaged: its own commands tell
        }
    }
    return backings;
}

}  // namespace

engine::RecipeRules recipe_rules() {
    return {.types = stages::all_stage_types(),
            .known_os = templates::distribution_names(),
            .cwd = fs::current_path(),
            .shipped = data_path("pipelines/recipes")};
}

engine::RecipeRules recipe_rules(const Arguments& arguments) {
    engine::RecipeRules rules = recipe_rules();
    for (const std::string& file : arguments.all("vars")) {
        rules.variables.emplace_back(file);
    }
    return rules;
}

Option set_option() {
    return {.names = {"--set"},
            .value = "KEY=VALUE",
            .help = "change the recipe first, as in `imgforge build`",
            .repeatable = true};
}

Option vars_option() {
    return {.names = {"--vars"},
            .value = "FILE",
            .help = "variables for the recipe, as in `imgforge build`",
            .repeatable = true,
            .completes = Completes::file};
}

std::vector<engine::Override> recipe_overrides(const Arguments& arguments) {
    std::vector<engine::Override> overrides;
    for (const std::string& text : arguments.all("set")) {
        overrides.push_back(engine::parse_override(text));
    }
    return overrides;
}

std::vector<engine::Recipe> load_all(const Arguments& arguments, const CommandContext& context) {
    engine::LoadedRecipes loaded = engine::load_recipes(recipe_file(arguments.get_or("RECIPE", "")),
                                                        recipe_rules(arguments), recipe_overrides(arguments));
    if (loaded.diagnostics.has_errors()) {
        std::string faults = loaded.diagnostics.text();
        faults.pop_back();
        throw Error(
            Failure::recipe, faults,
            "fix the recipe; `imgforge validate` checks it, `man imgforge.recipe` explains every key");
    }
    for (const Diagnostic& warning : loaded.diagnostics.list()) {
        context.monitor->warning(to_text(warning));
    }
    return std::move(loaded.recipes);
}

fs::path recipe_file(const std::string& name) {
    return engine::find_recipe(name, data_path("pipelines/recipes"));
}

bool MachineDisks::in_use(const fs::path& disk) const {
    return machine_backings(places_).count(disk) > 0;
}

}  // namespace imgforge::cli
