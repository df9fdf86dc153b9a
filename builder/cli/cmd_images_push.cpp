// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/cli/exchange_commands.hpp"
#include "builder/cli/images_support.hpp"
#include "builder/cli/target_support.hpp"
#include "pipelines/targets/push.hpp"
#include "pipelines/targets/pushed.hpp"

namespace imgforge::cli {
namespace {

int push_image(const Arguments& arguments, CommandContext& context) {
    const targets::NamedTarget target = named_target(arguments, context, arguments.get_or("TARGET", ""));
    OpenStore open(context);
    const store::Generation generation = open.store.resolve(arguments.get_or("IMAGE", ""));
    open.store.require_usable(generation);
    const targets::TargetPush pushed =
        targets::push_and_record(target, target_services(open, context), generation);
    retry_pointers(open, context);
    Json record = {{"image", generation.image}, {"generation", generation.generation}};
    record.update(pushed.record);
    context.result(record, pushed.text);
    return 0;
}

Json generation_records(const std::vector<targets::TargetGeneration>& generations) {
    Json list = Json::array();
    for (const targets::TargetGeneration& one : generations) {
        list.push_back({{"image", one.image},
                        {"generation", one.generation},
                        {"state", one.state},
                        {"current", one.current},
                        {"used_by", one.used_by}});
    }
    return list;
}

/// What a place that is only read has, by its index.
std::vector<targets::TargetGeneration> read_only_list(const targets::NamedTarget& target, OpenStore& open,
                                                      CommandContext& context, Json& record) {
    const targets::PullSource source = pull_source(target);
    const auto reader = targets::open_source(source);
    const targets::AcceptedIndex accepted =
        targets::accept_index(source, *reader, pull_services(open, context));
    record["serial"] = accepted.index.serial;
    return targets::listed(accepted.index);
}

/// False when it could not be reached; the others are listed all the same.
bool list_target(const targets::NamedTarget& target, OpenStore& open, CommandContext& context, Json& list,
                 std::string& text) {
    Json record = {{"name", target.name}, {"kind", target.setting.kind}, {"place", target.setting.place()}};
    bool reached = true;
    std::vector<targets::TargetGeneration> generations;
    try {
        // A directory of the settings is this host's own; any other one is judged like a source.
        const bool own = target.kind().pushes && context.settings.targets.contains(target.name);
        generations = target.pulls() && !own
                          ? read_only_list(target, open, context, record)
                          : targets::open_target(target, target_services(open, context))->generations();
        text += fmt::format("{} ({})\n", target.name, target.setting.kind);
    } catch (const Error& error) {
        if (error.kind() == Failure::integrity) {
            throw;
        }
        reached = false;
        record["error"] = error.message();
        context.monitor->warning(fmt::format("{}: {}", target.name, error.message()));
        text += fmt::format("{} ({}): not reached\n", target.name, target.setting.kind);
    }
    record["generations"] = generation_records(generations);
    for (const targets::TargetGeneration& one : generations) {
        text +=
            fmt::format("  {}@{}  {}{}\n", one.image, one.generation, one.state,
                        one.used_by.empty() ? "" : fmt::format(", used by {}", fmt::join(one.used_by, ", ")));
    }
    list.push_back(std::move(record));
    return reached;
}

/// Those that were named, else those of the settings and everything that was pushed to.
std::vector<targets::NamedTarget> wanted_targets(const Arguments& arguments, const OpenStore& open,
                                                 const CommandContext& context) {
    std::vector<targets::NamedTarget> all;
    for (const std::string& place : arguments.all("TARGET")) {
        all.push_back(named_target(arguments, context, place));
    }
    if (!all.empty()) {
        return all;
    }
    for (const auto& [name, unused] : context.settings.targets) {
        all.push_back(named_target(arguments, context, name));
    }
    for (targets::NamedTarget& target : targets::PushedTargets(open.store.database()).all(context.settings)) {
        if (!context.settings.targets.contains(target.name)) {
            all.push_back(std::move(target));
        }
    }
    return all;
}

int list_targets(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    retry_pointers(open, context);
    Json list = Json::array();
    std::string text;
    bool reached = true;
    for (const targets::NamedTarget& target : wanted_targets(arguments, open, context)) {
        reached = list_target(target, open, context, list, text) && reached;
    }
    context.result({{"targets", list}},
                   text.empty() ? "no targets: `targets:` in the settings names them\n" : text);
    return static_cast<int>(reached ? ExitCode::ok : ExitCode::failed);
}

}  // namespace

Command images_targets_command() {
    return {.name = "images targets",
            .group = "Images",
            .summary = "list what the targets of `images push` hold",
            .description =
                "Lists each TARGET with its generations, current ones marked; without TARGET, "
                "all targets in the settings and all that were pushed to. A promotion that "
                "failed to reach a target earlier is retried.",
            .positionals = {{.name = "TARGET",
                             .help = "a target's name, a directory, its URL, or oci://…",
                             .required = false,
                             .repeatable = true,
                             .completes = Completes::folder}},
            .options = {target_key_option("Ed25519 key (PEM) that must have signed the index")},
            .examples = {{"imgforge images targets", "all"},
                         {"imgforge images targets /srv/imgforge --json", "for scripts"}},
            .run = list_targets};
}

Command images_push_command() {
    return {
        .name = "images push",
        .group = "Images",
        .summary = "push a generation to a directory, registry or other target",
        .description =
            "TARGET is a name under `targets:` in the settings, or the place itself. In a "
            "directory the disk is stored as windows of 1 MiB named by their SHA-256; only "
            "missing ones are written. Any web server can serve the directory; `imgforge images "
            "pull` and `follow` read it. The index is signed when a key is configured. A "
            "generation that is current here becomes current there.\n\noci://HOST/REPOSITORY is "
            "a container registry: the generation becomes a containerDisk (KubeVirt) with its "
            "number as tag, and `latest` when it is current. Registries on this host are "
            "accessed over http.\n\nEvery kind of target in the settings can also be written as "
            "KIND:PLACE: s3:https://HOST/BUCKET, rbd:POOL, glance:CLOUD, libvirt:URI (a storage "
            "pool, \"imgforge\" or \"default\").",
        .positionals = {{.name = "IMAGE", .help = "NAME or NAME@GENERATION", .completes = Completes::image},
                        {.name = "TARGET",
                         .help = "a target's name, a directory, oci://HOST/REPOSITORY, or KIND:PLACE",
                         .completes = Completes::folder}},
        .options = {target_key_option("private Ed25519 key (PEM) that signs the index")},
        .examples = {{"imgforge images push debian12 hub", "by its name in the settings"},
                     {"imgforge images push debian12 /srv/imgforge", "a directory"},
                     {"imgforge images push debian12 /srv/imgforge --key index.key", "signed"},
                     {"imgforge images push debian12 oci://registry.example.org/golden/{image}",
                      "for KubeVirt"}},
        .run = push_image};
}

}  // namespace imgforge::cli
