// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"

namespace imgforge::cli {

Command doctor_command() {
    return {.name = "doctor",
            .group = "Tools",
            .summary = "what this host can and cannot do, and the command that mends it",
            .run = [](const Arguments&, CommandContext&) { return 0; }};
}

}  // namespace imgforge::cli
