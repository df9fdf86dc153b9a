// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/lifecycle/observe.hpp"

namespace imgforge::lifecycle {

/// The record of the contract: {name, state, image, generation, …}.
Json view_json(const InstanceLayout& layout, const MachineView& view);
/// {machines: [...]}.
Json views_json(const InstanceLayout& layout, const std::vector<MachineView>& views);

}  // namespace imgforge::lifecycle
