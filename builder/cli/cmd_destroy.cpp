// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/access.hpp"
#include "pipelines/lifecycle/destroy.hpp"

namespace imgforge::cli {

Command destroy_command() {
    return {.name = "destroy",
            .group = "Machines",
            .summary = "stop machines immediately and delete their disks",
            .description =
                "The record stays, marked destroyed, and keeps the name and MAC reserved until "
                "`imgforge cleanup`; --forget removes it immediately. Protected machines, and "
                "machines with saved memory, are not destroyed.",
            .positionals = {machine_positional(true)},
            .options = {{.names = {"--yes", "-y"}, .help = "do not ask"},
                        {.names = {"--forget"},
                         .help = "remove its record as well, so that the name is free immediately"},
                        drop_options()[0],
                        {.names = {"--drop-changes"},
                         .help = "also if the domain was changed to use another disk (that disk is kept)"}},
            .examples = {{"imgforge destroy web-1 web-2 --yes && imgforge cleanup",
                          "delete both and free their names"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                const auto names = arguments.all("NAME");
                require_machines(machines, names);
                if (!confirm(arguments, context,
                             fmt::format("Destroy {} with all data?", fmt::join(names, ", ")))) {
                    return 0;
                }
                Json list = Json::array();
                std::string text;
                for_each_machine(context, names, [&](const std::string& name) {
                    lifecycle::destroy_machine(machines, name, drop_of(arguments), arguments.has("forget"));
                    list.push_back({{"name", name}, {"state", "destroyed"}});
                    text += name + "  destroyed\n";
                });
                lifecycle::refresh_ssh_config(machines);
                context.result({{"machines", list}}, text);
                return 0;
            }};
}

}  // namespace imgforge::cli
