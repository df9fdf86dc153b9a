// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/compose/layers.hpp"
#include "pipelines/compose/secrets.hpp"
#include "pipelines/compose/variables.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/engine/recipe_values.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

constexpr std::size_t recipe_bytes = 4U << 20U;
constexpr std::string_view choice_prefix = "matrix.";

/// `--vars FILE`: over the recipe's own variables, under those of --set.
void lay_variables(YamlDocument& document, const std::vector<fs::path>& files, Diagnostics& diagnostics) {
    for (const fs::path& file : files) {
        const YamlDocument read = compose::read_variables(file);
        YamlDocument upper{.file = file.string(), .root = {{"vars", read.root}}, .positions = {}};
        upper.adopt("/vars", read, "");
        compose::lay_over(document, upper, diagnostics);
    }
}

Json recorded(const Override& one, const fs::path& cwd) {
    const bool secret = is_secret_key(one.key.substr(one.key.rfind('.') + 1));
    return {{"key", one.key}, {"value", secret ? Json() : Json(one.value)}, {"cwd", cwd.string()}};
}

/// --set matrix.release=bookworm leaves the images that have this value.
std::vector<compose::Combination> chosen(std::vector<compose::Combination> images,
                                         const std::vector<Override>& choices) {
    for (const Override& one : choices) {
        const std::string name = one.key.substr(choice_prefix.size());
        std::vector<std::string> known;
        const auto differs = [&](const compose::Combination& image) {
            for (const auto& [key, value] : image.values) {
                if (key == name) {
                    known.push_back(compose::value_text(value));
                    return known.back() != one.value;
                }
            }
            return true;
        };
        images.erase(std::remove_if(images.begin(), images.end(), differs), images.end());
        if (images.empty()) {
            throw Error(
                Failure::usage,
                fmt::format("--set {}={}: the matrix makes no such image{}", one.key, one.value,
                            did_you_mean(one.value, known)),
                known.empty() ? std::string() : fmt::format("its values: {}", fmt::join(known, ", ")));
        }
    }
    return images;
}

/// One recipe text on its way to its images.
class Making {
public:
    Making(const fs::path& file, const RecipeRules& rules, const std::vector<Override>& overrides)
        : file_(file),
          rules_(rules),
          schema_(recipe_schema(rules.types, rules.known_os)),
          cwd_(rules.cwd.empty() ? fs::current_path() : rules.cwd) {
        for (const Override& one : overrides) {
            (one.key.starts_with(choice_prefix) ? choices_ : changes_).push_back(one);
        }
    }

    LoadedRecipes make(std::string_view text) {
        std::optional<compose::Layered> layers =
            compose::layered(text, file_, rules_.shipped, loaded_.diagnostics);
        if (!layers) {
            return std::move(loaded_);
        }
        YamlDocument& document = layers->document;
        lay_variables(document, rules_.variables, loaded_.diagnostics);
        apply_overrides(document, changes_, schema_, cwd_);
        const auto images = chosen(compose::combinations(document, loaded_.diagnostics), choices_);
        for (const compose::Combination& image : images) {
            make_image(*layers, image);
        }
        check_names();
        loaded_.diagnostics.sort();
        if (loaded_.diagnostics.has_errors()) {
            loaded_.recipes.clear();
        }
        return std::move(loaded_);
    }

private:
    void make_image(const compose::Layered& layers, const compose::Combination& image) {
        YamlDocument document = compose::resolved(layers.document, image, loaded_.diagnostics);
        if (document.root.is_object()) {
            name_files_fully(document, fs::absolute(file_.empty() ? cwd_ / "recipe" : file_).parent_path(),
                             schema_);
            if (rules_.rewrite) {
                rules_.rewrite(document.root);
            }
        }
        Recipe recipe = check_recipe(std::move(document), file_, rules_, loaded_.diagnostics);
        recipe.facts.extended.assign(layers.files.begin() + 1, layers.files.end());
        for (const fs::path& variables : rules_.variables) {
            recipe.facts.overrides.push_back(
                {{"key", "--vars"}, {"value", fs::absolute(variables).string()}, {"cwd", cwd_.string()}});
        }
        for (const Override& one : changes_) {
            recipe.facts.overrides.push_back(recorded(one, cwd_));
        }
        for (const auto& [name, value] : image.values) {
            recipe.facts.overrides.push_back(
                recorded({std::string(choice_prefix) + name, compose::value_text(value)}, cwd_));
        }
        loaded_.recipes.push_back(std::move(recipe));
    }

    void check_names() {
        for (std::size_t i = 0; i < loaded_.recipes.size(); ++i) {
            for (std::size_t j = 0; j < i; ++j) {
                if (loaded_.recipes[i].facts.name == loaded_.recipes[j].facts.name) {
                    loaded_.diagnostics.add(loaded_.recipes[i].document.at(
                        "/name",
                        fmt::format("two images of the matrix are named '{}'", loaded_.recipes[i].facts.name),
                        "use all variables of the matrix in the name"));
                    return;
                }
            }
        }
    }

    const fs::path& file_;
    const RecipeRules& rules_;
    Json schema_;
    fs::path cwd_;
    std::vector<Override> changes_;
    std::vector<Override> choices_;
    LoadedRecipes loaded_;
};

}  // namespace

LoadedRecipes parse_recipes(std::string_view text, const fs::path& file, const RecipeRules& rules,
                            const std::vector<Override>& overrides) {
    return Making(file, rules, overrides).make(text);
}

LoadedRecipes load_recipes(const fs::path& file, const RecipeRules& rules,
                           const std::vector<Override>& overrides) {
    return parse_recipes(read_file(file, recipe_bytes), file, rules, overrides);
}

LoadedRecipe parse_recipe(std::string_view text, const fs::path& file, const RecipeRules& rules,
                          const std::vector<Override>& overrides) {
    LoadedRecipes all = parse_recipes(text, file, rules, overrides);
    LoadedRecipe loaded{.recipe = std::nullopt, .diagnostics = std::move(all.diagnostics)};
    if (all.recipes.size() > 1) {
        loaded.diagnostics.add(all.recipes.front().document.at(
            "/matrix", fmt::format("the matrix makes {} images where one is wanted", all.recipes.size()),
            "choose one with --set matrix.NAME=VALUE"));
    } else if (!all.recipes.empty()) {
        loaded.recipe = std::move(all.recipes.front());
    }
    return loaded;
}

LoadedRecipe load_recipe(const fs::path& file, const RecipeRules& rules,
                         const std::vector<Override>& overrides) {
    return parse_recipe(read_file(file, recipe_bytes), file, rules, overrides);
}

fs::path find_recipe(const std::string& name, const fs::path& shipped) {
    std::error_code code;
    for (const fs::path& folder : {fs::path(), shipped, shipped / "examples"}) {
        for (const std::string& candidate : {name, name + ".recipe"}) {
            const fs::path file = folder / candidate;
            const fs::file_status status = fs::status(file, code);
            if (code == std::errc::too_many_symbolic_link_levels || code == std::errc::permission_denied) {
                throw system_error("open", file.string(), code.value());
            }
            // A directory named like a shipped recipe must not hide it.
            if (fs::exists(status) && !fs::is_directory(status)) {
                return file;
            }
        }
    }
    if (fs::is_directory(name, code)) {
        throw Error(Failure::usage, fmt::format("{} is a directory, not a recipe", name),
                    "name the .recipe file in it");
    }
    std::vector<std::string> known = compose::recipe_names({shipped});
    const std::vector<std::string> examples = compose::recipe_names({shipped / "examples"});
    std::string hint =
        known.empty() ? std::string() : fmt::format("shipped recipes: {}", fmt::join(known, ", "));
    if (!examples.empty()) {
        hint += fmt::format("; examples: {}", fmt::join(examples, ", "));
    }
    known.insert(known.end(), examples.begin(), examples.end());
    const std::string word = fs::path(name).stem().string();
    throw Error(Failure::usage, fmt::format("no recipe '{}'{}", name, did_you_mean(word, known)), hint);
}

}  // namespace imgforge::engine
