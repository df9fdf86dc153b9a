// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {

Command restart_command() {
    return {.name = "restart",
            .group = "Machines",
            .summary = "stop machines and start them again",
            .positionals = {machine_positional(true)},
            .options = {{.names = {"--force"}, .help = "cut the power instead of shutting down"},
                        wait_option("none"),
                        timeout_option("cut the power after this time (default: 2m)")},
            .examples = {{"imgforge restart web-1", "picks up pending changes of its definition"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                const std::chrono::milliseconds timeout =
                    arguments.has("force") ? std::chrono::milliseconds(0)
                                           : timeout_of(arguments).value_or(lifecycle::stop_timeout);
                std::vector<lifecycle::MachineView> views;
                for_each_machine(context, arguments.all("NAME"), [&](const std::string& name) {
                    views.push_back(lifecycle::restart_machine(machines, name, timeout,
                                                               wait_of(arguments, lifecycle::Wait::none)));
                });
                context.result(lifecycle::views_json(machines, views),
                               machines_table(views, context.clock->wall_seconds()));
                return 0;
            }};
}

}  // namespace imgforge::cli
