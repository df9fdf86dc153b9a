// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/control.hpp"

namespace imgforge::cli {
namespace {

std::string_view how_text(lifecycle::Stopped how) {
    switch (how) {
        case lifecycle::Stopped::was_off: return "was off";
        case lifecycle::Stopped::politely: return "shut down";
        case lifecycle::Stopped::unplugged: return "unplugged";
    }
    return "";
}

int run_stop(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const std::chrono::milliseconds timeout = arguments.has("force")
                                                  ? std::chrono::milliseconds(0)
                                                  : timeout_of(arguments).value_or(lifecycle::stop_timeout);
    Json list = Json::array();
    std::string text;
    for_each_machine(context, arguments.all("NAME"), [&](const std::string& name) {
        const auto how = how_text(lifecycle::stop_machine(machines, name, timeout));
        list.push_back({{"name", name}, {"state", "shut off"}, {"how", how}});
        text += name + "  " + std::string(how) + "\n";
    });
    context.result({{"machines", list}}, text);
    return 0;
}

}  // namespace

Command stop_command() {
    return {.name = "stop",
            .group = "Machines",
            .summary = "shut machines down; cut the power of those that do not react",
            .positionals = {machine_positional(true)},
            .options = {{.names = {"--force"}, .help = "cut the power instead of shutting down"},
                        timeout_option("cut the power after this time (default: 2m)")},
            .examples = {{"imgforge stop web-1 --timeout 30s", "allow 30 seconds for a clean shutdown"}},
            .run = run_stop};
}

}  // namespace imgforge::cli
