// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/snapshots.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/snapshot_merge.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

Json snapshot_json(const virt::SnapshotInfo& snapshot) {
    return {{"name", snapshot.name},       {"created", iso_time(snapshot.created)},
            {"memory", snapshot.memory},   {"external", snapshot.external},
            {"current", snapshot.current}, {"parent", snapshot.parent},
            {"state", snapshot.state},     {"description", snapshot.description}};
}

void show_snapshots(CommandContext& context, const std::string& name,
                    const std::vector<virt::SnapshotInfo>& snapshots) {
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows = {{"SNAPSHOT", "TAKEN", "HOLDS", "DESCRIPTION"}};
    for (const auto& snapshot : snapshots) {
        list.push_back(snapshot_json(snapshot));
        rows.push_back({snapshot.name + (snapshot.current ? " *" : ""), iso_time(snapshot.created),
                        fmt::format("disk{}{}", snapshot.memory ? ", memory" : "",
                                    snapshot.external ? " (external)" : ""),
                        snapshot.description});
    }
    context.result({{"name", name}, {"snapshots", list}},
                   snapshots.empty() ? fmt::format("machine '{}' has no snapshots\n", name) : table(rows));
}

int run_snapshot(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const std::string name = arguments.get_or("NAME", "");
    const std::string taken = lifecycle::take_snapshot(machines, name, arguments.get_or("SNAPSHOT", ""),
                                                       arguments.get_or("comment", ""));
    for (const auto& snapshot : lifecycle::list_snapshots(machines, name)) {
        if (snapshot.name == taken) {
            context.result({{"name", name}, {"snapshot", snapshot_json(snapshot)}},
                           fmt::format("{}  {}  {}\nnext: imgforge restore {} {}\n", name, taken,
                                       snapshot.memory ? "disk and memory" : "disk", name, taken));
        }
    }
    return 0;
}

int run_snapshots(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const std::string name = arguments.get_or("NAME", "");
    for (const auto& snapshot : arguments.all("delete")) {
        lifecycle::delete_snapshot(machines, name, snapshot);
    }
    if (arguments.has("merge")) {
        context.monitor->message(lifecycle::merge_snapshots(machines, name)
                                     ? fmt::format("{}: everything is in its own disks again", name)
                                     : fmt::format("{}: nothing to merge", name));
    }
    show_snapshots(context, name, lifecycle::list_snapshots(machines, name));
    return 0;
}

int run_restore(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const std::string name = arguments.get_or("NAME", "");
    const std::string snapshot = arguments.get_or("SNAPSHOT", "");
    static_cast<void>(machines.require(name));
    if (!confirm(arguments, context, fmt::format("Changes to {} since '{}' will be lost.", name, snapshot))) {
        return 0;
    }
    lifecycle::restore_snapshot(machines, name, snapshot, drop_of(arguments));
    const auto view = lifecycle::look(machines, machines.require(name));
    context.result(lifecycle::views_json(machines, {view}),
                   fmt::format("{}  as at '{}'  {}\n", name, snapshot, shown_state(view)));
    return 0;
}

Positional snapshot_positional(bool required) {
    return {.name = "SNAPSHOT", .help = "its name", .required = required};
}

}  // namespace

Command snapshot_command() {
    return {.name = "snapshot",
            .group = "Machines",
            .summary = "take a snapshot of a machine",
            .description =
                "Covers all disks, and the memory of a running machine. It is stored in the root "
                "disk; `imgforge restore` reverts to it.",
            .positionals = {machine_positional(), snapshot_positional(false)},
            .options = {{.names = {"--comment"}, .value = "TEXT", .help = "shown by `imgforge snapshots`"}},
            .examples = {{"imgforge snapshot web-1 before-upgrade",
                          "and back: imgforge restore web-1 "
                          "before-upgrade --yes"}},
            .run = run_snapshot};
}

Command snapshots_command() {
    return {.name = "snapshots",
            .group = "Machines",
            .summary = "list a machine's snapshots; delete them, merge external ones",
            .positionals = {machine_positional()},
            .options = {{.names = {"--delete"},
                         .value = "SNAPSHOT",
                         .help = "delete the snapshot; the machine does not change",
                         .repeatable = true},
                        {.names = {"--merge"},
                         .help = "write external snapshots of other tools back into the root disk"}},
            .examples = {{"imgforge snapshots web-1", "list the snapshots"},
                         {"imgforge snapshots web-1 --merge", "after virsh snapshot-create-as --disk-only"}},
            .run = run_snapshots};
}

Command restore_command() {
    return {
        .name = "restore",
        .group = "Machines",
        .summary = "revert a machine to a snapshot",
        .description =
            "Reverts its disks, and its memory if the snapshot includes it. Size, devices and "
            "ports stay as they are set now. A running machine is running again afterwards.",
        .positionals = {machine_positional(), snapshot_positional(true)},
        .options = {{.names = {"--yes", "-y"}, .help = "do not ask"}, drop_options()[0]},
        .examples = {{"imgforge restore web-1 before-upgrade --yes", "undo everything since the snapshot"}},
        .run = run_restore};
}

}  // namespace imgforge::cli
