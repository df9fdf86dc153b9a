// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/engine/stage.hpp"

/// One function per stage type, each defined in the file named after it; the record it returns is static.
namespace imgforge::stages {

const engine::StageType& fetch_stage();
const engine::StageType& overlay_stage();
const engine::StageType& resize_stage();
const engine::StageType& install_stage();
const engine::StageType& customize_stage();
const engine::StageType& provision_stage();
const engine::StageType& sysprep_stage();
const engine::StageType& audit_stage();
const engine::StageType& compact_stage();
const engine::StageType& publish_stage();
const engine::StageType& spawn_stage();
const engine::StageType& verify_stage();

}  // namespace imgforge::stages
