// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"

namespace imgforge::cli {

std::vector<Command> all_commands() {
    return {
        doctor_command(),
        completion_command(),
        complete_command(),
        manual_command(),
    };
}

}  // namespace imgforge::cli
