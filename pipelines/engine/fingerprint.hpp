// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pipelines/engine/recipe.hpp"

namespace imgforge::engine {

/// Everything a stage's result depends on, and the digest of it.
struct StageIdentity {
    std::string name;
    std::string type;
    std::string fingerprint;  ///< 64 hex digits
    std::vector<Ingredient> ingredients;
};

/// Name of the ingredient that carries the stage before: what makes the fingerprints a chain.
inline constexpr const char* previous_ingredient = "stage before";

/// sha256 over stage type, revision, options with defaults, operating system, the type's own ingredients, and
/// the fingerprint before. The stage's name, the recipe's name, paths and what merely shows stay out. Reads
/// the files the stages name, nothing else.
std::vector<StageIdentity> identify(const Recipe& recipe);

/// The digest of a list of ingredients (those that count).
std::string fingerprint_of(const std::vector<Ingredient>& ingredients);

/// What is different, as sentences, the first being the reason: "preseed.cfg line 12 changed", "option
/// 'packages' changed".
std::vector<std::string> differences(const std::vector<Ingredient>& before,
                                     const std::vector<Ingredient>& now);

Json to_json(const std::vector<Ingredient>& ingredients);
std::vector<Ingredient> ingredients_from_json(const Json& list);

}  // namespace imgforge::engine
