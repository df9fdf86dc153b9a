// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/error.hpp"
#include "builder/cli/exchange_commands.hpp"
#include "builder/cli/images_support.hpp"
#include "builder/cli/target_support.hpp"
#include "pipelines/targets/push_registry.hpp"

namespace imgforge::cli {
namespace {

/// oci://HOST/REPOSITORY; {image} stands for the image's name.
int push_to_registry(const Arguments& arguments, CommandContext& context, std::string place) {
    OpenStore open(context);
    const store::Generation generation = open.store.resolve(arguments.get_or("IMAGE", ""));
    if (const std::size_t at = place.find("{image}"); at != std::string::npos) {
        place.replace(at, 7, generation.image);
    }
    const fetch::RegistryName name = fetch::parse_registry_name(place);
    const targets::RegistryPush result =
        targets::push_to_registry(open.store, *context.processes, *context.monitor, generation, name);
    context.result({{"image", generation.image},
                    {"generation", generation.generation},
                    {"target", fmt::format("oci://{}/{}", name.host, name.repository)},
                    {"digest", result.digest},
                    {"sent", result.layer_sent},
                    {"bytes", result.bytes}},
                   fmt::format("{} is oci://{}/{}:{} ({}{})\n", generation.label(), name.host,
                               name.repository, generation.generation, result.digest,
                               result.layer_sent ? "" : ", the registry had its layer"));
    return 0;
}

int push_image(const Arguments& arguments, CommandContext& context) {
    if (const std::string place = arguments.get_or("TARGET", ""); place.starts_with("oci://")) {
        return push_to_registry(arguments, context, place);
    }
    const targets::FolderTarget target = push_target(arguments, arguments.get_or("TARGET", ""));
    OpenStore open(context);
    const store::Generation generation = open.store.resolve(arguments.get_or("IMAGE", ""));
    const targets::PushResult result =
        targets::push_to_folder(open.store, *context.processes, *context.monitor, generation, target);
    context.result(
        {{"image", result.image},
         {"generation", result.generation},
         {"target", target.folder.string()},
         {"serial", result.serial},
         {"windows", result.windows},
         {"sent", result.sent},
         {"bytes", result.bytes},
         {"signed", !target.key.empty()}},
        fmt::format("{} is in {}: {} of {} windows were new ({}), index {}{}\n", generation.label(),
                    target.folder.string(), result.sent, result.windows, ByteSize::bytes(result.bytes).text(),
                    result.serial, target.key.empty() ? ", not signed" : ", signed"));
    return 0;
}

Json target_record(const std::string& name, const targets::FolderIndex& index) {
    Json generations = Json::array();
    for (const auto& [image, record] : index.images) {
        for (const targets::IndexEntry& entry : record.generations) {
            const bool current = record.current == entry.generation;
            generations.push_back({{"image", image},
                                   {"generation", entry.generation},
                                   {"state", current ? "current" : "retired"},
                                   {"current", current},
                                   {"used_by", Json::array()}});
        }
    }
    const bool web = name.find("://") != std::string::npos;
    return {{"name", name},
            {"kind", web ? "web" : "folder"},
            {"serial", index.serial},
            {"generations", generations}};
}

int list_targets(const Arguments& arguments, CommandContext& context) {
    OpenStore open(context);
    const targets::PullServices services{
        .store = open.store, .processes = *context.processes, .monitor = *context.monitor};
    Json list = Json::array();
    std::string text;
    for (const std::string& place : arguments.all("TARGET")) {
        const targets::PullSource source = pull_source(arguments, place);
        const auto reader = targets::open_folder(source.location);
        const targets::AcceptedIndex accepted = targets::accept_index(source, *reader, services);
        Json record = target_record(source.location, accepted.index);
        text += fmt::format("{} (index {})\n", source.location, accepted.index.serial);
        for (const Json& generation : record["generations"]) {
            text += fmt::format("  {}@{}  {}\n", generation["image"].get<std::string>(),
                                generation["generation"].get<int>(), generation["state"].get<std::string>());
        }
        list.push_back(std::move(record));
    }
    context.result({{"targets", list}}, text);
    return 0;
}

}  // namespace

Command images_targets_command() {
    return {.name = "images targets",
            .group = "Images",
            .summary = "what directories that images were pushed to have",
            .description = "Each TARGET with its generations and the current ones.",
            .positionals = {{.name = "TARGET",
                             .help = "a directory, or its URL",
                             .repeatable = true,
                             .completes = Completes::folder}},
            .options = {target_key_option("Ed25519 key (PEM) that must have signed the index")},
            .examples = {{"imgforge images targets /srv/imgforge --json", "for scripts"}},
            .run = list_targets};
}

Command images_push_command() {
    return {
        .name = "images push",
        .group = "Images",
        .summary = "put a generation into a directory or registry that others pull from",
        .description =
            "TARGET is a directory. The disk is written in windows of 1 MiB named by their SHA-256; only "
            "those that are missing are written. Any web server can show the directory; `imgforge images "
            "pull` and `follow` read it. The index is signed when there is a key. The generation is the "
            "current one there when it is the current one here.\n\n"
            "oci://HOST/REPOSITORY is a container registry: the generation becomes a containerDisk "
            "(KubeVirt) "
            "with its number as tag, and `latest` when it is current. Registries on this host speak http.",
        .positionals = {{.name = "IMAGE", .help = "NAME or NAME@GENERATION", .completes = Completes::image},
                        {.name = "TARGET",
                         .help = "a directory, or oci://HOST/REPOSITORY",
                         .completes = Completes::folder}},
        .options = {target_key_option("private Ed25519 key (PEM) that signs the index")},
        .examples = {{"imgforge images push debian12 /srv/imgforge", "a directory"},
                     {"imgforge images push debian12 /srv/imgforge --key index.key", "signed"},
                     {"imgforge images push debian12 oci://registry.example.org/golden/{image}",
                      "for KubeVirt"}},
        .run = push_image};
}

}  // namespace imgforge::cli
