// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {

Command list_command() {
    return {.name = "list",
            .group = "Machines",
            .summary = "list machines with state, image, address, age and size",
            .options = {{.names = {"--all-hosts"},
                         .help = "also ask the hosts of remote machines for their state"},
                        {.names = {"--all"}, .help = "include destroyed machines"}},
            .examples = {{"imgforge list", "all machines"},
                         {"imgforge list --json | jq '.machines[] | select(.outdated) | .name'",
                          "machines on an outdated image"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                auto records = machines.reservations().all();
                if (!arguments.has("all")) {
                    std::erase_if(records, [](const auto& record) {
                        return record.state == lifecycle::RecordState::destroyed;
                    });
                }
                const auto views = lifecycle::look(machines, records, {.remote = arguments.has("all-hosts")});
                context.result(lifecycle::views_json(machines, views),
                               machines_table(views, context.clock->wall_seconds()));
                return 0;
            }};
}

}  // namespace imgforge::cli
