// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/control.hpp"

namespace imgforge::cli {

Command autostart_command() {
    return {.name = "autostart",
            .group = "Machines",
            .summary = "set whether a machine starts with the host",
            .description =
                "Machines of a libvirt daemon are started by it. Those of the embedded driver are started by "
                "`imgforge start --autostart`, "
                "which "
                "imgforge-autostart.service runs at boot.",
            .positionals = {machine_positional(), {.name = "SWITCH", .help = "on or off"}},
            .examples = {{"imgforge autostart web-1 on", "it comes back after a reboot"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                const std::string word = arguments.get_or("SWITCH", "");
                if (word != "on" && word != "off") {
                    throw Error(Failure::usage, fmt::format("'{}' is neither on nor off", word),
                                "imgforge autostart NAME on|off");
                }
                auto machines = machines_of(context);
                const std::string name = arguments.get_or("NAME", "");
                lifecycle::set_autostart(machines, name, word == "on");
                context.result({{"machines", {{{"name", name}, {"autostart", word == "on"}}}}},
                               fmt::format("{}  autostart {}\n", name, word));
                return 0;
            }};
}

}  // namespace imgforge::cli
