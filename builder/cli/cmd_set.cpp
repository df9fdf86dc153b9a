// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/expiry.hpp"
#include "pipelines/lifecycle/resize.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

lifecycle::MachineChanges read_changes(const Arguments& arguments) {
    lifecycle::MachineChanges changes;
    changes.memory = size_of(arguments, "memory");
    changes.disk = size_of(arguments, "disk");
    if (const auto vcpus = arguments.integer("vcpus", 1, 512)) {
        changes.vcpus = static_cast<unsigned>(*vcpus);
    }
    changes.data_disks = sizes_of(arguments, "data-disk");
    changes.comment = arguments.get("comment");
    if (const auto word = arguments.get("protect")) {
        changes.protect = *word == "on";
    }
    if (const auto ttl = arguments.get("ttl")) {
        changes.ttl = *ttl == "off" ? std::chrono::seconds(0) : lifecycle::parse_ttl(*ttl);
    }
    return changes;
}

int run_set(const Arguments& arguments, CommandContext& context) {
    const auto changes = read_changes(arguments);
    auto machines = machines_of(context);
    const std::string name = arguments.get_or("NAME", "");
    const auto applied = lifecycle::set_machine(machines, name, changes);
    if (applied.empty()) {
        throw Error(Failure::usage, "nothing to set", "imgforge set --help lists what can be changed");
    }
    Json list = Json::array();
    std::string text;
    for (const auto& change : applied) {
        list.push_back({{"what", change.what}, {"live", change.live}, {"note", change.note}});
        text += fmt::format("{}  {}  {}{}\n", name, change.what, change.live ? "now" : "",
                            change.note.empty() ? "" : (change.live ? "; " : "") + change.note);
    }
    Json json = lifecycle::views_json(machines, {lifecycle::look(machines, machines.require(name))});
    json["changes"] = list;
    context.result(json, text);
    return 0;
}

}  // namespace

Command set_command() {
    return {
        .name = "set",
        .group = "Machines",
        .summary = "change a machine's size, disks, comment, protection or expiry",
        .description =
            "Applied immediately where libvirt and QEMU can: memory and CPUs up to what the "
            "machine was started with, disks, and everything that is not hardware. The rest "
            "applies from the next start; the output says which. The changes survive respawn, "
            "consolidate, restore and repair.",
        .positionals = {machine_positional()},
        .options =
            {{.names = {"--memory"}, .value = "SIZE", .help = "memory, such as 2G"},
             {.names = {"--vcpus"}, .value = "N", .help = "virtual CPUs"},
             {.names = {"--disk"}, .value = "SIZE", .help = "grow the root disk to this size"},
             {.names = {"--data-disk"}, .value = "SIZE", .help = "one more empty disk", .repeatable = true},
             {.names = {"--comment"}, .value = "TEXT", .help = "shown by `imgforge list`"},
             {.names = {"--protect"},
              .value = "SWITCH",
              .help = "on: destroy refuses",
              .choices = {"on", "off"},
              .completes = Completes::choice},
             {.names = {"--ttl"}, .value = "TIME", .help = "destroyed after this time; off: never"}},
        .examples = {{"imgforge set web-1 --memory 4G --vcpus 2",
                      "now or at the next start; the output says which"},
                     {"imgforge set web-1 --ttl 8h", "eight hours more"}},
        .run = run_set};
}

}  // namespace imgforge::cli
