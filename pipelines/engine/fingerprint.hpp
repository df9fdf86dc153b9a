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

/// sha256 over stage type, revision, options with defaults, operating system, the type's own ingredients, and
/// the fingerprint before. The stage's name, the recipe's name, paths and what merely shows stay out. Reads
/// the files the stages name, nothing else.
std::vector<StageIdentity> identify(const Recipe& recipe);

/// The digest of a list of ingredients (those that count).
std::string fingerprint_of(const std::vector<Ingredient>& ingredients);

/// One thing that is not as it was.
struct Difference {
    Ingredient::Kind kind = Ingredient::Kind::other;
    std::string text;  ///< "preseed.cfg line 12 changed", "option 'packages' changed from 1 to 2"
};

/// All of them, the best reason first: what changed in the stage itself says more than the stage before it.
std::vector<Difference> differences(const std::vector<Ingredient>& before,
                                    const std::vector<Ingredient>& now);

Json to_json(const std::vector<Ingredient>& ingredients);
std::vector<Ingredient> ingredients_from_json(const Json& list);

}  // namespace imgforge::engine
