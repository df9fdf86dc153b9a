// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pipelines/engine/stage.hpp"
#include "pipelines/lifecycle/spawn.hpp"

namespace imgforge::stages {

/// What the stages share that make machines of the published generation.

/// The generation that a publish stage before this one made. Throws Failure::recipe, naming the stage, when
/// there is none.
int published_generation(const engine::StageTask& task);

/// Options of machines of `generation` by the stage's `count`, `size`, `firmware` and `network`. `kind`
/// begins their names ("proof"); `count` is the stage's default.
lifecycle::SpawnOptions clone_options(const engine::StageTask& task, int generation, const char* kind,
                                      std::size_t count);

}  // namespace imgforge::stages
