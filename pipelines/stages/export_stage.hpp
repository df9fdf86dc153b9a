// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/engine/stage.hpp"

namespace imgforge::stages {

/// `export: {formats: […], to: FOLDER}`; a static record like those of stage_types.hpp.
const engine::StageType& export_stage();

}  // namespace imgforge::stages
