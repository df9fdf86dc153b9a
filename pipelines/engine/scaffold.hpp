// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace imgforge::engine {

/// A recipe with comments for an image `name`: validates and builds as it is.
std::string scaffold(const std::string& name);

/// The same laid over the recipe `base` (what `extends` says).
std::string scaffold_from(const std::string& name, const std::string& base);

/// The first line of recipes, by which editors find the schema.
inline constexpr const char* schema_modeline = "# yaml-language-server: $schema=recipe.schema.json";

}  // namespace imgforge::engine
