// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/pause.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

int run_each(const Arguments& arguments, CommandContext& context,
             void (*body)(lifecycle::Lifecycle&, std::string_view)) {
    auto machines = machines_of(context);
    std::vector<lifecycle::MachineView> views;
    for_each_machine(context, arguments.all("NAME"), [&](const std::string& name) {
        body(machines, name);
        views.push_back(lifecycle::look(machines, machines.require(name)));
    });
    context.result(lifecycle::views_json(machines, views),
                   machines_table(views, context.clock->wall_seconds()));
    return 0;
}

}  // namespace

Command suspend_command() {
    return {.name = "suspend",
            .group = "Machines",
            .summary = "pause machines; their memory stays in place",
            .positionals = {machine_positional(true)},
            .examples = {{"imgforge suspend web-1", "it uses no CPU until `imgforge resume web-1`"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                return run_each(arguments, context, lifecycle::suspend_machine);
            }};
}

Command resume_command() {
    return {.name = "resume",
            .group = "Machines",
            .summary = "resume paused machines",
            .description =
                "Also resumes after an I/O error once the host's disk has space again; a machine "
                "that pauses again immediately is reported with the reason.",
            .positionals = {machine_positional(true)},
            .examples = {{"imgforge resume web-1", "continue where it was paused"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                return run_each(arguments, context, lifecycle::resume_machine);
            }};
}

}  // namespace imgforge::cli
