// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/engine/recipe.hpp"

namespace imgforge::engine {

/// A recipe as the build sees it: `{name, recipe, origins:{pointer:"file:line:column"|"default"}, files}`.
/// `recipe` has variables filled in and defaults added; secrets stay `${secrets.name}`, other values that are
/// secret by their name are masked.
Json inspection_record(const Recipe& recipe);

/// The same as YAML with the origin of each value in a comment.
std::string inspection_text(const Recipe& recipe);

}  // namespace imgforge::engine
