// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/cleanup.hpp"

namespace imgforge::cli {

Command cleanup_command() {
    return {.name = "cleanup",
            .group = "Machines",
            .summary = "forget destroyed machines, remove what killed commands left",
            .options = {{.names = {"--dry-run"}, .help = "only say what would be done"}},
            .examples = {{"imgforge cleanup", "names and MACs of destroyed machines are free again"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                const auto report = lifecycle::clean_up(machines, arguments.has("dry-run"));
                std::string text;
                const auto add = [&](const std::vector<std::string>& names, const char* what) {
                    for (const auto& name : names) {
                        text += name + "  " + what + "\n";
                    }
                };
                add(report.forgotten, "forgotten");
                add(report.removed, "removed");
                add(report.adopted, "taken up again");
                add(report.templates, "warm template removed");
                for (const auto& problem : report.problems) {
                    context.monitor->warning(problem);
                }
                context.result({{"forgotten", report.forgotten},
                                {"removed", report.removed},
                                {"adopted", report.adopted},
                                {"templates", report.templates},
                                {"freed", report.freed},
                                {"problems", report.problems}},
                               text.empty() ? "nothing to clean up\n" : text);
                return report.problems.empty() ? 0 : 1;
            }};
}

}  // namespace imgforge::cli
