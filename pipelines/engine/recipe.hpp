// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"
#include "pipelines/engine/stage.hpp"

namespace imgforge::engine {

struct RecipeStage {
    std::string name;  ///< `name:` of its options, else its type, else type-2, type-3 …
    std::string type;
    Json options;         ///< checked, defaults filled in, without `name`
    std::string pointer;  ///< where the options stand: "/stages/2/sysprep"
    SourcePosition place;
    const StageType* handler = nullptr;
};

/// A recipe without errors.
struct Recipe {
    RecipeFacts facts;
    std::string description;
    std::optional<std::chrono::seconds> max_age{};  ///< cached layers older than this are made again
    std::vector<RecipeStage> stages;
    YamlDocument document;
};

/// One `--set key=value`.
struct Override {
    std::string key;    ///< dotted: "machine.memory", "stages.sysprep.operations"
    std::string value;  ///< read as YAML, so numbers and [lists] work
};
/// Splits "key=value"; throws Failure::usage without '=' or a key.
Override parse_override(const std::string& text);

/// What a recipe is checked against in addition to its own text.
struct RecipeRules {
    std::vector<const StageType*> types;
    std::vector<std::string> known_os{};  ///< rows of templates/; empty: any name
    std::filesystem::path cwd{};          ///< what relative names in overrides are relative to
    std::filesystem::path shipped{};      ///< where `extends: NAME` looks after the recipe's own directory
    std::vector<std::filesystem::path> variables{};  ///< files of --vars, later ones win
    std::function<void(Json& root)> rewrite{};       ///< changes the resolved tree before it is checked
};

struct LoadedRecipe {
    std::optional<Recipe> recipe;  ///< nothing when there are errors among the diagnostics
    Diagnostics diagnostics;       ///< sorted
};

/// The images of a recipe with a matrix; one without it.
struct LoadedRecipes {
    std::vector<Recipe> recipes;  ///< none when there are errors among the diagnostics
    Diagnostics diagnostics;      ///< sorted
};

/// Text -> strict YAML -> extends -> overrides -> variables and matrix (pipelines/compose) -> schema -> stage
/// types' own checks. Reports all errors at once, throws only Failure::usage for an override that leads
/// nowhere or is a secret. `file` is used for messages and for relative names. An override "matrix.x" chooses
/// among the images of the matrix.
LoadedRecipes parse_recipes(std::string_view text, const std::filesystem::path& file,
                            const RecipeRules& rules, const std::vector<Override>& overrides = {});

/// The same for a recipe that must be one image: a matrix of several is an error.
LoadedRecipe parse_recipe(std::string_view text, const std::filesystem::path& file, const RecipeRules& rules,
                          const std::vector<Override>& overrides = {});

/// Reads the file first. Throws Failure::host/recipe when it cannot be read.
LoadedRecipe load_recipe(const std::filesystem::path& file, const RecipeRules& rules,
                         const std::vector<Override>& overrides = {});

LoadedRecipes load_recipes(const std::filesystem::path& file, const RecipeRules& rules,
                           const std::vector<Override>& overrides = {});

/// A recipe whose variables are filled in against the schema, the stage types' checks and itself.
Recipe check_recipe(YamlDocument document, const std::filesystem::path& file, const RecipeRules& rules,
                    Diagnostics& diagnostics);

/// The file a user means: a path, with or without ".recipe"; else one of `shipped` or its examples/ the same
/// way. Throws Failure::usage with the nearest known name.
std::filesystem::path find_recipe(const std::string& name, const std::filesystem::path& shipped);

/// JSON Schema (draft-07) of recipes, composed from the schemas of the stage types.
Json recipe_schema(const std::vector<const StageType*>& types, const std::vector<std::string>& known_os = {});

/// Applies overrides to the raw tree; what they set stands at the option from then on. `cwd` makes relative
/// names of files absolute. Throws Failure::usage for one that is a secret or leads nowhere.
void apply_overrides(YamlDocument& document, const std::vector<Override>& overrides, const Json& schema,
                     const std::filesystem::path& cwd);

/// Names of the stages of a raw tree in their order ("" where an item is not a stage): what --set, --from and
/// --until address.
std::vector<std::string> stage_names(const Json& root);

}  // namespace imgforge::engine
