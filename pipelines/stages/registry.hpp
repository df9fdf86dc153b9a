// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "pipelines/engine/stage.hpp"

namespace imgforge::stages {

/// Every stage type a recipe can use, in the order of the manual. One explicit list (static registration
/// would be dropped by the linker); the records live as long as the program.
std::vector<const engine::StageType*> all_stage_types();

}  // namespace imgforge::stages
