// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/console.hpp"

namespace imgforge::cli {

Command console_command() {
    return {.name = "console",
            .group = "Machines",
            .summary = "attach to a machine's serial console; detach with Ctrl-]",
            .positionals = {machine_positional()},
            .options = {{.names = {"--force"}, .help = "disconnect whoever has it open"}},
            .examples = {{"imgforge console web-1", "Ctrl-] leaves it"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                lifecycle::attach_console(machines, machines.require(arguments.get_or("NAME", "")),
                                          arguments.has("force"));
                return 0;
            }};
}

}  // namespace imgforge::cli
