// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/json.hpp"

namespace imgforge::cli {

/// docs/reference/recipe.md: every key of a recipe and of every stage type, as Markdown.
std::string recipe_reference(const Json& schema);

/// docs/reference/settings.md: every key of config.yaml.
std::string settings_reference(const Json& schema);

}  // namespace imgforge::cli
