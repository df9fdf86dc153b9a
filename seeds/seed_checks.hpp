// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/base/diagnostics.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// Every error of the spec's values and of the user's own files.
Diagnostics check_seed(const SeedSpec& spec);

}  // namespace imgforge::seeds
