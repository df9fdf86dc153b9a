// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/cli/command.hpp"

namespace imgforge::cli {

// One function per command, each in its own cmd_<name>.cpp; registry.cpp lists them in the order of the manual.
Command doctor_command();
Command completion_command();
Command complete_command();
Command manual_command();

}  // namespace imgforge::cli
