// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::cli {
namespace {

int run_respawn(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    Json list = Json::array();
    std::string text;
    const auto names = arguments.all("NAME");
    require_machines(machines, names);
    if (!confirm(
            arguments, context,
            fmt::format("The root disk of {} will be replaced; its contents are lost.",
                        fmt::format("{}", names.size() == 1 ? names.front()
                                                            : fmt::format("{} machines", names.size()))))) {
        return 0;
    }
    for_each_machine(context, names, [&](const std::string& name) {
        const auto result = lifecycle::respawn_machine(
            machines, name, arguments.get_or("image", ""),
            timeout_of(arguments).value_or(lifecycle::stop_timeout), drop_of(arguments));
        list.push_back({{"name", name},
                        {"from", result.from},
                        {"generation", result.to},
                        {"running", result.was_running}});
        text += fmt::format("{}  generation {} -> {}{}\n", name, result.from, result.to,
                            result.was_running ? ", started again" : "");
    });
    context.result({{"machines", list}}, text);
    return 0;
}

}  // namespace

Command respawn_command() {
    return {.name = "respawn",
            .group = "Machines",
            .summary = "replace the root disk with the current generation; identity and data stay",
            .description =
                "MAC and IP addresses, SSH host keys, instance name and data disks are kept; "
                "everything written to the root disk is lost. Changes other tools made to the "
                "domain (memory, CPUs, disks, devices) are kept as well. A running machine is "
                "shut down first and started again afterwards. A machine with saved memory or "
                "snapshots, or on another root disk than the recorded one, is left alone unless "
                "the options below allow losing them.",
            .positionals = {machine_positional(true)},
            .options = {drop_options()[0],
                        drop_options()[1],
                        {.names = {"--image"},
                         .value = "IMAGE[@GEN]",
                         .help = "use another image or generation than the current one",
                         .completes = Completes::image},
                        {.names = {"--yes", "-y"}, .help = "do not ask"},
                        timeout_option("cut the power of a running machine after this time (default: 2m)")},
            .examples = {{"imgforge respawn web-1 --yes", "on the newest generation"},
                         {"imgforge respawn web-1 --image debian13@3 --yes", "back to an older one"}},
            .run = run_respawn};
}

}  // namespace imgforge::cli
