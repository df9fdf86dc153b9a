// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/refresh_recipe.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {

namespace {

std::string stage_type(const Json& stage) {
    return stage.is_object() && !stage.empty() ? stage.begin().key()
           : stage.is_string()                 ? stage.get<std::string>()
                                               : std::string();
}

/// The --set options the image was built with, as its manifest has them.
struct Overrides {
    std::vector<engine::Override> list;
    std::vector<fs::path> variables;  ///< files of --vars
    fs::path cwd;

    explicit Overrides(const Json& recipe) {
        const Json recorded = recipe.value("overrides", Json::array());
        for (const Json& one : recorded) {
            if (!one.at("value").is_string()) {
                throw Error(Failure::recipe,
                            fmt::format("the image was built with --set {}=…, a secret that is not kept",
                                        one.at("key").get<std::string>()),
                            "build it again by hand, or put a reference to a file into the recipe");
            }
            const auto key = one.at("key").get<std::string>();
            const auto value = one.at("value").get<std::string>();
            if (key == "--vars") {
                variables.emplace_back(value);
            } else {
                list.push_back({.key = key, .value = value});
            }
            cwd = one.value("cwd", std::string());
        }
    }
};

}  // namespace

bool comes_after_updates(std::string_view type) {
    constexpr std::string_view types[] = {"sysprep", "audit", "compact", "publish"};
    return std::find(std::begin(types), std::end(types), type) != std::end(types);
}

engine::Recipe recorded_recipe(std::string_view text, const fs::path& file, const Json& recorded,
                               const std::vector<const engine::StageType*>& types, bool updated) {
    const Overrides overrides(recorded);
    engine::RecipeRules rules{.types = types,
                              .cwd = overrides.cwd,
                              .shipped = data_path("pipelines/recipes"),
                              .variables = overrides.variables};
    if (updated) {
        rules.rewrite = [](Json& root) { root = with_updates(root); };
    }
    engine::LoadedRecipe loaded = engine::parse_recipe(text, file, rules, overrides.list);
    loaded.diagnostics.throw_if_errors();
    return std::move(*loaded.recipe);
}

Json with_updates(const Json& recipe_root) {
    Json root = recipe_root;
    Json stages = Json::array();
    bool inserted = false;
    const Json update = {{"customize", {{"name", update_stage}, {"update", true}}}};
    for (const Json& stage : recipe_root.value("stages", Json::array())) {
        if (!inserted && comes_after_updates(stage_type(stage))) {
            stages.push_back(update);
            inserted = true;
        }
        stages.push_back(stage);
    }
    root["stages"] = std::move(stages);
    return root;
}

}  // namespace imgforge::stages
