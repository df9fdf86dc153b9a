// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "builder/cli/command.hpp"

namespace imgforge::cli {

/// Parses, dispatches, and maps every exception to its message and exit code. The one place that catches
/// everything. Never throws.
int run_main(int argc, char** argv, const std::vector<Command>& commands);

}  // namespace imgforge::cli
