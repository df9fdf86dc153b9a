// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/cli/command.hpp"

namespace imgforge::cli {

/// Completion script made from the command records. Throws Failure::usage for a shell other than bash, zsh
/// and fish.
std::string completion_script(const std::string& shell, const std::vector<Command>& commands);

/// Names that exist now: "image" and "machine" from the directories of the store, "recipe" from the shipped
/// ones. Looks at directory names only, so that pressing Tab is never slow and never locks anything.
std::vector<std::string> completion_names(const std::string& kind, const Places& places);

}  // namespace imgforge::cli
