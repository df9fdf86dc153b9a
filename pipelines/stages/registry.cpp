// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/registry.hpp"

#include "pipelines/stages/export_stage.hpp"
#include "pipelines/stages/stage_types.hpp"

namespace imgforge::stages {

std::vector<const engine::StageType*> all_stage_types() {
    // One line per type, in the order a recipe usually has them.
    return {
        &fetch_stage(),     &overlay_stage(), &resize_stage(), &install_stage(), &customize_stage(),
        &provision_stage(), &sysprep_stage(), &audit_stage(),  &compact_stage(), &publish_stage(),
        &export_stage(),    &spawn_stage(),   &verify_stage(),
    };
}

}  // namespace imgforge::stages
