// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/stages/refresh.hpp"

namespace imgforge::stages {

/// The recipe an image was built from, with the --set and --vars options that `recorded` (`recipe` of its
/// manifest) has; its stages may be of `types`; `updated` puts the stage of package updates into it. Throws
/// Failure::recipe with every error of the recipe, and when an option held a secret, which manifests do not
/// keep.
engine::Recipe recorded_recipe(std::string_view text, const std::filesystem::path& file, const Json& recorded,
                               const std::vector<const engine::StageType*>& types, bool updated = false);

/// Whether updates have to be made before a stage of type `type`.
bool comes_after_updates(std::string_view type);

}  // namespace imgforge::stages
