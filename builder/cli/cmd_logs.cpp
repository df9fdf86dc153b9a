// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "builder/cli/output.hpp"
#include "pipelines/lifecycle/console_log.hpp"

namespace imgforge::cli {
namespace {

/// Shows what is appended from now on until interrupted, or until the machine has stopped.
void follow(CommandContext& context, lifecycle::Lifecycle& machines, const lifecycle::MachineRecord& record) {
    lifecycle::ConsoleFollower follower(machines.console_log(record));
    while (true) {
        const std::string text = follower.read();
        if (!text.empty() && !print(text)) {
            return;
        }
        if (text.empty() &&
            lifecycle::look(machines, record, {.addresses = false, .sizes = false}).state != "running") {
            return;
        }
        context.clock->sleep(std::chrono::milliseconds(500));
    }
}

int run_logs(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const auto record = machines.reservations().find(arguments.get_or("NAME", ""));
    if (!record) {
        static_cast<void>(machines.require(arguments.get_or("NAME", "")));
        return 1;
    }
    if (record->is_remote()) {
        throw Error(Failure::domain, fmt::format("the console log of '{}' is on its own host", record->name),
                    fmt::format("imgforge console {}", record->name));
    }
    const auto lines = static_cast<std::size_t>(arguments.integer("lines", 1, 1000000).value_or(200));
    const auto log = machines.console_log(*record);
    if (!std::filesystem::exists(log)) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' has not written to its console yet", record->name));
    }
    const std::string text = lifecycle::console_tail(log, lines, 16U << 20U) + "\n";
    context.result({{"name", record->name}, {"file", log.string()}, {"text", text}}, text);
    if (arguments.has("follow") && !context.json) {
        follow(context, machines, *record);
    }
    return 0;
}

}  // namespace

Command logs_command() {
    return {.name = "logs",
            .group = "Machines",
            .summary = "print what a machine wrote to its console",
            .positionals = {machine_positional()},
            .options = {{.names = {"--lines"}, .value = "N", .help = "the last N lines (default: 200)"},
                        {.names = {"--follow", "-f"},
                         .help = "keep printing new output until the machine stops"}},
            .examples = {{"imgforge logs web-1 --follow", "watch it boot"}},
            .run = run_logs};
}

}  // namespace imgforge::cli
