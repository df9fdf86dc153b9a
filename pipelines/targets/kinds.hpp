// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/targets/target.hpp"

namespace imgforge::targets {

// One function for each row of target_kinds().
std::unique_ptr<Target> open_folder_target(const TargetSetting& setting, const TargetServices& services);
std::unique_ptr<Target> open_s3_target(const TargetSetting& setting, const TargetServices& services);
std::unique_ptr<Target> open_rbd_target(const TargetSetting& setting, const TargetServices& services);
std::unique_ptr<Target> open_glance_target(const TargetSetting& setting, const TargetServices& services);
std::unique_ptr<Target> open_libvirt_target(const TargetSetting& setting, const TargetServices& services);
std::unique_ptr<Target> open_registry_target(const TargetSetting& setting, const TargetServices& services);

}  // namespace imgforge::targets
