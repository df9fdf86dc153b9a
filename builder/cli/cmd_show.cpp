// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"

namespace imgforge::cli {
namespace {

std::string details(const lifecycle::Lifecycle& machines, const lifecycle::MachineView& view,
                    const std::vector<std::string>& changes) {
    const auto& record = view.record;
    std::vector<std::vector<std::string>> rows = {
        {"name", record.name},
        {"state", view.state},
        {"image", fmt::format("{}@{}{}", record.image, record.generation,
                              view.outdated ? " (outdated: `imgforge respawn` renews it)" : "")},
        {"address", shown_address(view)},
        {"login", fmt::format("imgforge ssh {}   (user {})", record.name, record.user)},
        {"memory, cpus", fmt::format("{}, {}", record.memory.text(), record.vcpus)},
        {"disk", fmt::format("{} ({})", record.disk.string(), ByteSize::bytes(view.disk_bytes).text())},
        {"stands on", record.backing.empty() ? "nothing (consolidated)" : record.backing.front().string()},
        {"console", machines.console_log(record).string()},
        {"uuid", record.uuid},
        {"instance-id", record.instance_id},
        {"made", iso_time(record.created)},
        {"connection", record.connection},
    };
    for (std::size_t i = 0; i < record.nics.size(); ++i) {
        rows.push_back(
            {fmt::format("nic {}", i), fmt::format("{} on {}", record.nics[i].network.mac.value_or(""),
                                                   record.nics[i].network.text())});
    }
    if (!record.comment.empty()) {
        rows.push_back({"comment", record.comment});
    }
    if (!view.problem.empty()) {
        rows.push_back({"note", view.problem});
    }
    for (const auto& change : changes) {
        rows.push_back({"changed", change});
    }
    return table(rows) +
           (changes.empty() ? "" : fmt::format("mend it with: imgforge show {} --repair\n", record.name));
}

int run_show(const Arguments& arguments, CommandContext& context) {
    auto machines = machines_of(context);
    const std::string name = arguments.get_or("NAME", "");
    std::vector<std::string> repaired;
    if (arguments.has("repair")) {
        repaired = lifecycle::repair_machine(machines, name);
    }
    const auto record = machines.require(name);
    std::vector<std::string> changes;
    const auto view = lifecycle::look(machines, record, {.agent = true});
    try {
        if (record.state == lifecycle::RecordState::ready) {
            changes = lifecycle::drift(machines, record);
        }
    } catch (const Error& error) {
        changes = {error.message()};
    }
    Json json = lifecycle::views_json(machines, {view});
    json["machines"][0]["changes"] = changes;
    json["machines"][0]["repaired"] = repaired;
    std::string text = details(machines, view, changes);
    for (const auto& line : repaired) {
        text += line + "\n";
    }
    context.result(json, text);
    return 0;
}

}  // namespace

Command show_command() {
    return {
        .name = "show",
        .group = "Machines",
        .summary = "all about one machine; --repair mends what others changed",
        .positionals = {machine_positional()},
        .options = {{.names = {"--repair"},
                     .help =
                         "define a lost or changed domain again, settle interrupted work, rewrite records"}},
        .examples = {{"imgforge show web-1", "what it is and where it stands"}},
        .run = run_show};
}

}  // namespace imgforge::cli
