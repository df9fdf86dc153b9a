// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "builder/cli/command.hpp"

namespace imgforge::cli {

/// The options of `imgforge customize`: packages and files, accounts, settings and commands, and how the
/// image is opened and written.
std::vector<Option> customize_options();

}  // namespace imgforge::cli
