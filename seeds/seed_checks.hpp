// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/base/diagnostics.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// Every fault of the spec's values and of the user's own files.
Diagnostics check_seed(const SeedSpec& spec);

/// A user-data or vendor-data file of any accepted kind. Empty or unknown beginnings are named as the mistake
/// they are.
Diagnostics check_user_data(const std::string& bytes, const std::string& name);

/// A network-config file, version 1 or 2.
Diagnostics check_network_config(const std::string& bytes, const std::string& name);

}  // namespace imgforge::seeds
