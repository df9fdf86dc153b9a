// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"

namespace imgforge::cli {

Command doctor_command() {
    return {.name = "doctor",
            .group = "Tools",
            .summary = "what this host can and cannot do, and the command that mends it",
            .run = [](const Arguments&, CommandContext&) { return 0; }};
}
Command completion_command() {
    return {
        .name = "completion", .group = "Tools", .summary = "shell completion", .run = [](const Arguments&, CommandContext&) { return 0; }};
}
Command manual_command() {
    return {.name = "manual",
            .group = "Tools",
            .summary = "manual pages",
            .run = [](const Arguments&, CommandContext&) { return 0; },
            .hidden = true};
}

}  // namespace imgforge::cli
