// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/engine/stage.hpp"

namespace imgforge::stages {

/// The installation medium of a recipe as a file of this host.
struct Medium {
    std::filesystem::path iso;
    std::string sha256;
    std::string verified_by{};         ///< as in engine::MediumFacts
    std::vector<std::string> notes{};  ///< what the user shall know of it
};

/// `installer.iso` (a path, relative to the recipe; verified against sha256 when given) or
/// `installer.archive` (assembled, with `packages` and the recipe's own on board). Throws Failure::recipe,
/// Failure::integrity for a digest that differs.
Medium obtain_medium(const engine::StageTask& task, const std::vector<std::string>& packages);

/// Ingredients that stand for the medium without downloading or making it.
std::vector<engine::Ingredient> medium_ingredients(const engine::RecipeFacts& recipe,
                                                   const std::vector<std::string>& packages);

}  // namespace imgforge::stages
