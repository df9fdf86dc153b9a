// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"

namespace imgforge::cli {

std::vector<Command> light_commands() {
    return {};
}

}  // namespace imgforge::cli
