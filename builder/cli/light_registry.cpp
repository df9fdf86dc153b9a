// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"

namespace imgforge::cli {

// What is listed here is linked into the front program: only commands that pull in neither libvirt nor
// libguestfs.
std::vector<Command> light_commands() {
    return {seed_create_command(), seed_inspect_command(), seed_extract_command(), seed_diff_command(),
            seed_show_command()};
}

}  // namespace imgforge::cli
