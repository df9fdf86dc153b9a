// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/repair.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

using Rows = std::vector<std::vector<std::string>>;

/// What the domain has by libvirt's own account, whoever gave it.
void add_domain(const lifecycle::DomainReality& reality, Rows& rows) {
    for (const auto& disk : reality.defined.disks) {
        rows.push_back({fmt::format("disk {}", disk.target), disk.path.empty() ? "(empty)" : disk.path});
    }
    for (const auto& device : reality.running.value_or(reality.defined).devices) {
        rows.push_back({"device", device});
    }
    for (const auto& snapshot : reality.snapshots) {
        rows.push_back({"snapshot", fmt::format("{}  {}{}", snapshot.name, iso_time(snapshot.created),
                                                snapshot.external ? "  external" : "")});
    }
}

void add_wishes(const lifecycle::Lifecycle& machines, const lifecycle::MachineView& view, Rows& rows) {
    const auto& record = view.record;
    rows.push_back({"autostart", view.autostart ? "on" : "off"});
    if (!record.published.empty()) {
        rows.push_back({"ports", shown_ports(record)});
    }
    if (record.expires != 0) {
        rows.push_back(
            {"expires", fmt::format("{} ({})", iso_time(record.expires),
                                    shown_expiry(record.expires, machines.clock().wall_seconds()))});
    }
    if (record.protect) {
        rows.push_back({"protected", "yes"});
    }
    if (!record.lab.empty()) {
        rows.push_back({"lab", record.lab});
    }
    if (!record.comment.empty()) {
        rows.push_back({"comment", record.comment});
    }
    if (!view.problem.empty()) {
        rows.push_back({"note", view.problem});
    }
}

std::string details(const lifecycle::Lifecycle& machines, const lifecycle::MachineView& view,
                    const std::vector<std::string>& changes, const lifecycle::DomainReality& reality) {
    const auto& record = view.record;
    std::vector<std::vector<std::string>> rows = {
        {"name", record.name},
        {"state", view.reason.empty() ? view.state : fmt::format("{} ({})", view.state, view.reason)},
        {"image", fmt::format("{}@{}{}", record.image, record.generation,
                              view.outdated ? " (outdated: `imgforge respawn` renews it)" : "")},
        {"address", shown_address(view)},
        {"login", fmt::format("imgforge ssh {}   (user {})", record.name, record.user)},
        {"memory, cpus", fmt::format("{}, {}", view.record.memory.text(), view.record.vcpus)},
        {"disk", fmt::format("{} ({})", record.disk.string(), ByteSize::bytes(view.disk_bytes).text())},
        {"backing", record.backing.empty() ? "nothing (consolidated)" : record.backing.front().string()},
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
    add_domain(reality, rows);
    add_wishes(machines, view, rows);
    for (const auto& change : changes) {
        rows.push_back({"changed", change});
    }
    return table(rows) + (changes.empty()
                              ? ""
                              : fmt::format("imgforge show {} --repair puts back what is lost and "
                                            "takes over what others gave\n",
                                            record.name));
}

Json disks_json(const lifecycle::DomainReality& reality) {
    Json list = Json::array();
    for (const auto& disk : reality.defined.disks) {
        list.push_back({{"target", disk.target}, {"path", disk.path}, {"format", disk.format}});
    }
    return list;
}

/// "vnc://127.0.0.1:5900" of a running machine with a screen, else null.
Json display(const lifecycle::DomainReality& reality) {
    constexpr std::string_view kind = "graphics ";
    constexpr std::string_view at = " at ";
    for (const auto& device : reality.running ? reality.running->devices : std::vector<std::string>()) {
        const auto place = device.find(at);
        if (device.starts_with(kind) && place != std::string::npos) {
            return fmt::format("{}://{}", device.substr(kind.size(), place - kind.size()),
                               device.substr(place + at.size()));
        }
    }
    return {};
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
    auto view = lifecycle::look(machines, record, {.agent = true});
    lifecycle::DomainReality reality;
    try {
        if (record.state == lifecycle::RecordState::ready) {
            changes = lifecycle::drift(machines, record, &reality);
        }
        if (!reality.xml.empty()) {
            view.record.memory = reality.defined.memory;
            view.record.vcpus = static_cast<unsigned>(reality.defined.vcpus);
        }
    } catch (const Error& error) {
        changes = {error.message()};
    }
    Json json = lifecycle::views_json(machines, {view});
    json["machines"][0]["changes"] = changes;
    json["machines"][0]["disks"] = disks_json(reality);
    json["machines"][0]["devices"] = reality.defined.devices;
    json["machines"][0]["display"] = display(reality);
    json["machines"][0]["repaired"] = repaired;
    std::string text = details(machines, view, changes, reality);
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
        .summary = "show all about one machine; --repair restores what it lost",
        .positionals = {machine_positional()},
        .options = {{.names = {"--repair"},
                     .help =
                         "define a lost or changed domain again, settle interrupted work, rewrite records"}},
        .examples = {{"imgforge show web-1", "its state, address, disks and differences"}},
        .run = run_show};
}

}  // namespace imgforge::cli
