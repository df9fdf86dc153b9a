// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge {

/// The merged settings tree (maps merge key by key, later files win). Unknown top-level keys are errors with
/// their place. Known: connection, network, sizes, defaults, hosts, jobs, budget, cache, ssh_keys, notify,
/// metrics, acceleration, mirror.
Json load_settings(const std::vector<std::filesystem::path>& files);

}  // namespace imgforge
