// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/diagnostics.hpp"

namespace imgforge::seeds {

/// NoCloud's meta-data: YAML, a map, with an instance-id (without one every machine is called "nocloud").
Diagnostics check_meta_data(const std::string& text, const std::string& name);

}  // namespace imgforge::seeds
