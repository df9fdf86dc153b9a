// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/host_name.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/spool_actions.hpp"

namespace imgforge::cli {
namespace {

const Positional folder_positional{.name = "DIR", .help = "the spool folder", .completes = Completes::folder};
const Option host_option{.names = {"--host-name"},
                         .value = "NAME",
                         .help = "this host's name in the spool (default: its host name)"};

constexpr const char* protocol_text =
    "Files are requests: start/NAME, stop/NAME and destroy/NAME (empty files), and inst/NAME.properties with "
    "image=, size=, comment=, "
    "memory=, vcpus=, disk=, "
    "network=, host=, autostart=yes|no, start=yes|no, which makes the machine. A file or link autostart/NAME "
    "lets it start with the host. "
    "log/ACTION.log tells what became of each request; inst/NAME.FAILED why a machine could not be made "
    "(change the properties to try "
    "again), "
    "inst/NAME.DESTROYED that it was destroyed (remove the mark to make it anew). installed.txt and "
    "mac-addresses.txt list what there "
    "is.\n\n"
    "Several hosts may serve one folder on NFS: inst/NAME.host names the one that has the machine.";

}  // namespace

Command spool_run_command() {
    return {.name = "spool run",
            .group = "Machines",
            .summary = "serve the files dropped into a folder once",
            .description = protocol_text,
            .positionals = {folder_positional},
            .options = {host_option},
            .examples = {{"imgforge spool run /srv/vrt", "from cron or a systemd path unit"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                lifecycle::LifecycleActions actions(machines);
                lifecycle::Spool spool({arguments.get_or("DIR", "")},
                                       arguments.get_or("host-name", host_name()), actions, *context.clock,
                                       *context.monitor);
                const auto pass = spool.run();
                context.result({{"done", pass.done}, {"failed", pass.failed}},
                               fmt::format("{} done, {} failed\n", pass.done, pass.failed));
                return pass.failed == 0 ? 0 : 1;
            }};
}

Command spool_watch_command() {
    return {.name = "spool watch",
            .group = "Machines",
            .summary = "serve a folder until interrupted",
            .description = protocol_text,
            .positionals = {folder_positional},
            .options = {host_option,
                        {.names = {"--poll"},
                         .value = "TIME",
                         .help = "also look every so often, for changes by other hosts (default: 10s)"}},
            .examples = {{"imgforge spool watch /srv/vrt", "reacts at once to local changes"}},
            .run = [](const Arguments& arguments, CommandContext& context) {
                auto machines = machines_of(context);
                lifecycle::LifecycleActions actions(machines);
                const lifecycle::SpoolFolder folder{arguments.get_or("DIR", "")};
                lifecycle::Spool spool(folder, arguments.get_or("host-name", host_name()), actions,
                                       *context.clock, *context.monitor);
                lifecycle::watch_spool(folder, parse_duration(arguments.get_or("poll", "10s")), [&] {
                    const auto pass = spool.run();
                    if (pass.done + pass.failed > 0) {
                        context.monitor->message(fmt::format("{} done, {} failed", pass.done, pass.failed));
                    }
                });
                return 0;
            }};
}

}  // namespace imgforge::cli
