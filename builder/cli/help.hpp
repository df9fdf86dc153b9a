// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/cli/command.hpp"

namespace imgforge::cli {

/// What `imgforge` alone says: the three steps from nothing to a machine.
std::string overview_text();

/// `imgforge --help`: every command by group, on one screen.
std::string help_text(const std::vector<Command>& commands);

/// `imgforge images --help`: the commands of one group.
std::string group_help_text(const std::string& group, const std::vector<Command>& commands);

/// `imgforge COMMAND --help`.
std::string command_help_text(const Command& command);

/// "imgforge spawn IMAGE [NAME] [options]".
std::string usage_line(const Command& command);

}  // namespace imgforge::cli
