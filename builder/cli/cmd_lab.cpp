// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/machine_options.hpp"
#include "pipelines/lifecycle/access.hpp"
#include "pipelines/lifecycle/lab/lab.hpp"
#include "pipelines/lifecycle/view_json.hpp"

namespace imgforge::cli {
namespace {

constexpr const char* file_text =
    "The file is YAML: `machines:` by name with image, count, size, memory, vcpus, disk, "
    "data-disks, networks, user-data, publish, needs, wait, ttl, hostname, comment; `networks:` "
    "by name with isolated and subnet; `lab:` is the name of the lab (default: the file name). "
    "`imgforge lab status --schema` prints its JSON Schema. Examples: "
    "/usr/share/imgforge/pipelines/labs.";

Positional lab_positional() {
    return {.name = "FILE", .help = "the lab", .required = false, .completes = Completes::file};
}

lifecycle::Lab lab_of(const Arguments& arguments) {
    const auto file = arguments.get("FILE");
    if (!file) {
        throw Error(Failure::usage, "'lab' needs FILE: the YAML file of the lab",
                    "for example imgforge lab up shop.yaml");
    }
    return lifecycle::load_lab(*file);
}

void show(CommandContext& context, lifecycle::Lifecycle& machines, const lifecycle::Lab& lab,
          const std::vector<lifecycle::LabStep>& steps) {
    Json list = Json::array();
    std::vector<std::vector<std::string>> rows;
    for (const auto& step : steps) {
        list.push_back({{"name", step.name}, {"did", step.did}, {"note", step.note}});
        rows.push_back({step.name, step.did, step.note});
    }
    Json json = lifecycle::views_json(machines, lifecycle::lab_views(machines, lab.name));
    json["lab"] = lab.name;
    json["steps"] = list;
    context.result(json, rows.empty() ? fmt::format("lab '{}' has nothing here\n", lab.name) : table(rows));
}

int run_up(const Arguments& arguments, CommandContext& context) {
    const auto lab = lab_of(arguments);
    auto machines = machines_of(context);
    const auto steps = lifecycle::lab_up(
        machines, lab, {.replace = arguments.has("replace"), .prune = arguments.has("prune")});
    lifecycle::refresh_ssh_config(machines);
    show(context, machines, lab, steps);
    return 0;
}

int run_down(const Arguments& arguments, CommandContext& context) {
    const auto lab = lab_of(arguments);
    auto machines = machines_of(context);
    if (!confirm(arguments, context, fmt::format("Destroy all machines of lab '{}'?", lab.name))) {
        return 0;
    }
    const auto steps = lifecycle::lab_down(machines, lab);
    lifecycle::refresh_ssh_config(machines);
    show(context, machines, lab, steps);
    return 0;
}

int run_status(const Arguments& arguments, CommandContext& context) {
    if (arguments.has("schema")) {
        const Json schema = lifecycle::lab_schema();
        context.result(schema, pretty(schema));
        return 0;
    }
    const auto lab = lab_of(arguments);
    auto machines = machines_of(context);
    show(context, machines, lab, lifecycle::lab_status(machines, lab));
    return 0;
}

}  // namespace

Command lab_up_command() {
    return {
        .name = "lab up",
        .group = "Machines",
        .summary = "create several machines and their networks from one file",
        .description = std::string("Creates what is missing, in the order of `needs:`, changes what differs "
                                   "and reports it, and leaves the rest alone. After an interruption, run "
                                   "it again to continue.\n\n") +
                       file_text,
        .positionals = {lab_positional()},
        .options = {{.names = {"--replace"},
                     .help = "recreate machines whose changes require it; their disks are lost"},
                    {.names = {"--prune"},
                     .help = "destroy machines of the lab that its file no longer names"}},
        .examples = {{"imgforge lab up shop.yaml", "web and database, up and reachable"}},
        .run = run_up};
}

Command lab_status_command() {
    return {.name = "lab status",
            .group = "Machines",
            .summary = "compare a lab with its file",
            .positionals = {lab_positional()},
            .options = {{.names = {"--schema"}, .help = "print the JSON Schema of lab files"}},
            .examples = {{"imgforge lab status shop.yaml", "what runs, what differs, what is missing"}},
            .run = run_status};
}

Command lab_down_command() {
    return {.name = "lab down",
            .group = "Machines",
            .summary = "destroy a lab's machines and networks, and nothing else",
            .positionals = {lab_positional()},
            .options = {{.names = {"--yes", "-y"}, .help = "do not ask"}},
            .examples = {{"imgforge lab down shop.yaml --yes", "remove the whole lab"}},
            .run = run_down};
}

}  // namespace imgforge::cli
