// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/access.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

int run_start(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    if (arguments.has("autostart")) {
        const int failures = lifecycle::start_autostarted(machines);
        context.result({{"failed", failures}}, "");
        return failures == 0 ? 0 : 1;
    }
    if (arguments.all("NAME").empty()) {
        throw Error(Failure::usage, "which machine shall start?",
                    "imgforge start NAME…, or --autostart for all that start with the host");
    }
    std::vector<lifecycle::MachineView> views;
    for_each_machine(context, arguments.all("NAME"), [&](const std::string& name) {
        views.push_back(lifecycle::start_machine(machines, name, wait_of(arguments, lifecycle::Wait::none),
                                                 timeout_of(arguments)));
    });
    lifecycle::refresh_ssh_config(machines);
    std::string text;
    for (const auto& view : views) {
        text += view.record.name + "  " + shown_state(view) + "  " + shown_address(view) + "\n";
    }
    context.result(lifecycle::views_json(machines, views), text);
    return 0;
}

}  // namespace

Command start_command() {
    return {.name = "start",
            .group = "Machines",
            .summary = "start machines that are shut off, resume suspended ones",
            .positionals = {{.name = "NAME",
                             .help = "machines",
                             .required = false,
                             .repeatable = true,
                             .completes = Completes::machine}},
            .options = {{.names = {"--autostart"},
                         .help = "all machines of the embedded driver that are set to start with the "
                                 "host"},
                        wait_option("none"),
                        timeout_option("give up waiting after this time (default: 15m); the machine "
                                       "keeps running")},
            .examples = {{"imgforge start web-1 --wait ssh", "and wait until it can be used"}},
            .run = run_start};
}

}  // namespace imgforge::cli
