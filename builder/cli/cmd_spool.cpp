// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/host_name.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/spool_actions.hpp"
#include "pipelines/lifecycle/spool_takeover.hpp"

namespace imgforge::cli {
namespace {

const Positional folder_positional{
    .name = "DIR", .help = "the spool directory", .completes = Completes::folder};
const Option host_option{.names = {"--host-name"},
                         .value = "NAME",
                         .help = "this host's name in the spool (default: its host name)"};

constexpr const char* protocol_text =
    "Files are requests: start/NAME, stop/NAME, destroy/NAME and cleanup/NAME (empty files; the last frees "
    "the name of a destroyed machine), and inst/NAME.properties with image=, size=, comment=, memory=, "
    "vcpus=, disk=, network=, host=, autostart=yes|no, start=yes|no, user-data=FILE, init=SCRIPT (files of "
    "the spool directory), which creates the machine. A file or link autostart/NAME lets it start with the "
    "host. log/ACTION.log records the outcome of each request; NAME.FAILED says why one was rejected (change "
    "the properties to retry), inst/NAME.DESTROYED that a machine was destroyed (remove the file to create "
    "it again), and inst/NAME.EDITED that its properties were changed too late. installed.txt and "
    "mac-addresses.txt list the machines.\n\n"
    "Only machines created through the spool are touched. Links are rejected, and files of users other than "
    "the directory's owner, root and the user it runs as.\n\n"
    "Several hosts may serve one directory on NFS: inst/NAME.host names the one that has the machine. A host "
    "leaves new machines to one that has fewer, for two minutes; host= in the properties assigns them.";

}  // namespace

Command spool_run_command() {
    return {.name = "spool run",
            .group = "Machines",
            .summary = "serve the files dropped into a directory once",
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
            .summary = "serve a directory until interrupted",
            .description = protocol_text,
            .positionals = {folder_positional},
            .options = {host_option,
                        {.names = {"--poll"},
                         .value = "TIME",
                         .help = "also poll at this interval, for changes by other hosts "
                                 "(default: 10s)"}},
            .examples = {{"imgforge spool watch /srv/vrt", "reacts immediately to local changes"}},
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

Command spool_takeover_command() {
    return {
        .name = "spool takeover",
        .group = "Machines",
        .summary = "take over the machines of a host that is gone",
        .description =
            "Their disks must be reachable from this host under the same path; they are copied "
            "in full. Use this only when you know that the other host is off: two hosts that run "
            "one machine destroy its data.",
        .positionals = {folder_positional, {.name = "HOST", .help = "the host that is gone"}},
        .options = {host_option, {.names = {"--yes", "-y"}, .help = "do not ask"}},
        .examples = {{"imgforge spool takeover /srv/vrt host-a --yes", "then: imgforge start NAME"}},
        .run = [](const Arguments& arguments, CommandContext& context) {
            const std::string dead = arguments.get_or("HOST", "");
            if (!confirm(arguments, context, fmt::format("Is {} off for good?", dead))) {
                return 0;
            }
            auto machines = machines_of(context);
            const auto taken = lifecycle::take_over(machines, {arguments.get_or("DIR", "")}, dead,
                                                    arguments.get_or("host-name", host_name()));
            Json list = Json::array();
            std::vector<std::vector<std::string>> rows;
            bool all = true;
            for (const auto& machine : taken) {
                all = all && machine.taken;
                list.push_back({{"name", machine.name}, {"taken", machine.taken}, {"note", machine.note}});
                rows.push_back({machine.name, machine.taken ? "taken over" : "left", machine.note});
            }
            context.result({{"machines", list}},
                           rows.empty() ? fmt::format("{} has no machines here\n", dead) : table(rows));
            return all ? 0 : 1;
        }};
}

}  // namespace imgforge::cli
