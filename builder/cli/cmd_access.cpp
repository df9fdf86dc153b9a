// SPDX-License-Identifier: GPL-3.0-or-later
// cp, ssh-config, inventory: machines for other programs that speak SSH.
#include "pipelines/lifecycle/access.hpp"

#include <unistd.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"

namespace imgforge::cli {
namespace {

std::vector<lifecycle::MachineView> current_views(lifecycle::Lifecycle& machines) {
    return lifecycle::look(machines, machines.reservations().all(), {.sizes = false});
}

/// The view of a machine with an address in it, for one that has to be reached now.
lifecycle::MachineView reachable_view(lifecycle::Lifecycle& machines, const std::string& name) {
    const auto record = machines.require(name);
    lifecycle::MachineView view{.record = record, .state = "running"};
    view.addresses = {{lifecycle::reachable_address(machines, record)}};
    return view;
}

int run_cp(const Arguments& arguments, CommandContext& context) {
    const auto from = lifecycle::parse_copy_end(arguments.get_or("SRC", ""));
    const auto to = lifecycle::parse_copy_end(arguments.get_or("DST", ""));
    if (from.machine.empty() && to.machine.empty()) {
        throw Error(Failure::usage, "neither side is on a machine",
                    "imgforge cp FILE web-1:/tmp/, or the other way");
    }
    auto machines = machines_of(context);
    std::vector<lifecycle::MachineView> views;
    for (const auto* end : {&from, &to}) {
        if (!end->machine.empty()) {
            views.push_back(reachable_view(machines, end->machine));
        }
    }
    const TempDir folder("imgforge-cp");
    write_file_atomically(folder / "config", lifecycle::ssh_config_text(machines, views));
    const auto word = [](const lifecycle::CopyEnd& end) {
        return end.machine.empty() ? end.path : end.machine + ":" + (end.path.empty() ? "." : end.path);
    };
    ProcessSpec scp{.program = "scp", .args = {"-q", "-F", (folder / "config").string()}};
    if (arguments.has("recursive")) {
        scp.args.emplace_back("-r");
    }
    if (!from.machine.empty() && !to.machine.empty()) {
        scp.args.emplace_back("-3");
    }
    scp.args.insert(scp.args.end(), {"--", word(from), word(to)});
    scp.timeout = timeout_of(arguments).value_or(std::chrono::hours(24));
    run_checked(*context.processes, scp);
    context.result({{"from", word(from)}, {"to", word(to)}}, "");
    return 0;
}

int run_ssh_config(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const auto file = lifecycle::ssh_config_file(machines);
    if (arguments.has("write")) {
        lifecycle::write_ssh_config(machines);
        context.result(
            {{"file", file.string()}},
            fmt::format("{}\nnext: put this line above all others into ~/.ssh/config:\nInclude {}\n",
                        file.string(), file.string()));
        return 0;
    }
    const std::string text = lifecycle::ssh_config_text(machines, current_views(machines));
    context.result({{"file", file.string()}, {"text", text}}, text);
    return 0;
}

int run_inventory(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const Json inventory = lifecycle::inventory_json(machines, current_views(machines));
    Json answer = inventory;
    if (const auto host = arguments.get("host")) {
        answer = inventory.at("_meta").at("hostvars").value(*host, Json::object());
    }
    context.result(answer, pretty(answer));
    return 0;
}

}  // namespace

Command cp_command() {
    return {.name = "cp",
            .group = "Machines",
            .summary = "copy files to, from and between machines",
            .description =
                "NAME:PATH is a path in a machine. Uses scp(1) with the store's key and the "
                "known host keys.",
            .positionals = {{.name = "SRC", .help = "PATH or NAME:PATH"},
                            {.name = "DST", .help = "PATH or NAME:PATH"}},
            .options = {{.names = {"--recursive", "-r"}, .help = "whole directories"},
                        timeout_option("give up after this time (default: 24h)")},
            .examples = {{"imgforge cp site.conf web-1:/tmp/", "into the machine"},
                         {"imgforge cp -r web-1:/var/log logs", "and out of it"}},
            .run = run_cp};
}

Command ssh_config_command() {
    return {.name = "ssh-config",
            .group = "Machines",
            .summary =
                "print the ssh configuration of all machines, for ssh, scp, rsync, "
                "editors, Ansible",
            .description =
                "With --write it is stored in $IMGFORGE_HOME/ssh_config and kept up to date by "
                "spawn, start, rename and destroy from then on.",
            .options = {{.names = {"--write"}, .help = "write the file and print the Include line to add"}},
            .examples = {{"imgforge ssh-config --write", "then `ssh web-1` works, with one Include line"}},
            .run = run_ssh_config};
}

Command inventory_command() {
    return {.name = "inventory",
            .group = "Machines",
            .summary = "print an Ansible inventory with groups by image, size and lab",
            .options = {{.names = {"--list"}, .help = "the whole inventory (the default)"},
                        {.names = {"--host"},
                         .value = "NAME",
                         .help = "the variables of one machine",
                         .completes = Completes::machine}},
            .examples = {{"imgforge inventory > inventory.json && ansible -i inventory.json all -m ping",
                          "reach all machines with Ansible"}},
            .run = run_inventory};
}

}  // namespace imgforge::cli
