// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::cli {

Command consolidate_command() {
    return {.name = "consolidate",
            .group = "Machines",
            .summary = "detach a machine from its golden image",
            .description =
                "Copies what the machine still reads from the image into its own disk. If it is shut "
                "off, the copy is a new file that then replaces the old one, so that an interruption "
                "loses nothing. If it is running, libvirt copies while the guest continues.",
            .positionals = {machine_positional(true)},
            .options = drop_options(),
            .examples = {{"imgforge consolidate web-1 && imgforge images delete debian13@3",
                          "then the image can be deleted"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                Json list = Json::array();
                std::string text;
                for_each_machine(context, arguments.all("NAME"), [&](const std::string& name) {
                    const bool changed = lifecycle::consolidate_machine(machines, name, drop_of(arguments));
                    list.push_back({{"name", name}, {"consolidated", true}, {"changed", changed}});
                    text += fmt::format(
                        "{}  {}\n", name,
                        changed ? "independent of its golden image now" : "was independent already");
                });
                context.result({{"machines", list}}, text);
                return 0;
            }};
}

}  // namespace imgforge::cli
