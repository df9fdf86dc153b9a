// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>

#include "pipelines/engine/stage_data.hpp"

namespace imgforge::stages {

/// Gives values of the recipe's secrets by name; throws Failure::recipe for a name it does not have. The
/// recipe must outlive it.
std::function<std::string(const std::string& name)> secret_values(const engine::RecipeFacts& recipe);

}  // namespace imgforge::stages
