// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "pipelines/engine/stage.hpp"
#include "pipelines/targets/target.hpp"

namespace imgforge::stages {

/// The targets of the stage's option `to`, by name or place. Throws Failure::usage for a name that the
/// settings do not have.
std::vector<targets::NamedTarget> publish_targets(const engine::StageTask& task);

/// Pushes the generation to each target that does not have it yet. All are tried; the first failure is thrown
/// at the end. The generation stays as it is, and the next build tries again.
void push_to_targets(const Host& host, const std::string& image, int generation,
                     const std::vector<targets::NamedTarget>& wanted);

}  // namespace imgforge::stages
