// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/install/install_plan.hpp"
#include "builder/virt/acceleration.hpp"
#include "pipelines/engine/stage_data.hpp"
#include "pipelines/stages/install_preparation.hpp"

namespace imgforge::stages {

/// The machine of one installation: what the recipe says of it, the prepared files in `made.work`, and how
/// this host runs it. Writes nothing.
install::InstallPlan install_plan_of(const engine::StageTask& task, const Preparation& made,
                                     const virt::Acceleration& acceleration);

}  // namespace imgforge::stages
