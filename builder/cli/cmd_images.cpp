// SPDX-License-Identifier: GPL-3.0-or-later
#include <map>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/images_support.hpp"
#include "pipelines/store/diff.hpp"
#include "pipelines/store/image_survey.hpp"
#include "pipelines/store/verify.hpp"

namespace imgforge::cli {
namespace {

using Holders = std::map<std::pair<std::string, int>, std::vector<store::Holder>>;

/// What verify found, so that nobody wonders why the generation is refused.
void add_damage(const store::Store& store, const store::Generation& generation, Json& record) {
    const std::string problem = store.damage(generation);
    record["damaged"] = problem.empty() ? Json() : Json(problem);
}

Json image_record(const store::Store& store, const std::string& name, const Holders& all) {
    Json record = {{"name", name}, {"current", nullptr}, {"generations", Json::array()}};
    for (const store::Generation& generation : store.generations(name)) {
        if (generation.state == store::GenerationState::current) {
            record["current"] = generation.generation;
        }
        const auto holders = all.find({name, generation.generation});
        record["generations"].push_back(generation_record(
            generation, holders == all.end() ? std::vector<store::Holder>{} : holders->second));
        add_damage(store, generation, record["generations"].back());
    }
    return record;
}

/// An image of a store in `images: {path: …}`, with the machines that this user made from it.
Json other_image_record(const store::Store& store, const std::string& name,
                        const std::vector<store::Generation>& generations) {
    Json record = {{"name", name}, {"current", nullptr}, {"generations", Json::array()}};
    for (const store::Generation& generation : generations) {
        record["store"] = generation.folder.parent_path().parent_path().parent_path().string();
        if (generation.state == store::GenerationState::current) {
            record["current"] = generation.generation;
        }
        record["generations"].push_back(
            generation_record(generation, store.holders(name, generation.generation)));
        add_damage(store, generation, record["generations"].back());
    }
    return record;
}

std::string image_text(const Json& image) {
    std::string text;
    for (const Json& generation : image["generations"]) {
        const std::string parent =
            generation["parent"].is_null() ? "" : fmt::format("on @{}", generation["parent"].get<int>());
        std::string users;
        for (const Json& user : generation["used_by"]) {
            users += (users.empty() ? "" : ", ") + user.get<std::string>();
        }
        text += fmt::format(
            "{:<24} {:<12} {:<21} {:>10} {:>10}  {:<7} {}\n",
            fmt::format("{}@{}", image["name"].get<std::string>(), generation["generation"].get<int>()),
            generation["state"].get<std::string>(), generation["created"].get<std::string>(),
            ByteSize::bytes(generation["virtual_size"].get<std::uint64_t>()).text(),
            ByteSize::bytes(generation["allocated_size"].get<std::uint64_t>()).text(), parent, users);
        if (!generation["damaged"].is_null()) {
            text += fmt::format("  damaged and not used: {}\n", generation["damaged"].get<std::string>());
        }
    }
    if (image.contains("store")) {
        text += fmt::format("  (in {}, only read)\n", image["store"].get<std::string>());
    }
    return text;
}

int list_images(const Arguments&, CommandContext& context) {
    const OpenStore open(context);
    Json record = {{"images", Json::array()}};
    std::string text;
    const Holders holders = open.store.all_holders();
    for (const std::string& name : open.store.images()) {
        record["images"].push_back(image_record(open.store, name, holders));
        text += image_text(record["images"].back());
    }
    const auto elsewhere = open.store.images_elsewhere();
    for (const auto& [name, generations] : elsewhere) {
        Json image = other_image_record(open.store, name, generations);
        text += image_text(image);
        record["images"].push_back(std::move(image));
    }
    for (const std::string& name : store::images_anywhere(open.store)) {
        if (open.store.generations(name).empty() && !elsewhere.contains(name) &&
            std::filesystem::exists(store::index_path(open.store.image_folder(name)))) {
            context.monitor->warning(fmt::format(
                "the database does not know {}, which is in {}; run `imgforge images verify --repair`", name,
                open.store.image_folder(name).string()));
        }
    }
    const std::string heading = fmt::format("{:<24} {:<12} {:<21} {:>10} {:>10}  {:<7} {}\n", "GENERATION",
                                            "STATE", "CREATED", "SIZE", "STORED", "", "USED BY");
    context.result(
        record, text.empty() ? "no golden images yet; `imgforge build RECIPE` makes one\n" : heading + text);
    return 0;
}

/// "https://…/disk.qcow2, verified by its signature" of an image that was not built here.
std::string origin_text(const Json& origin) {
    const std::string source = origin.value("source", std::string());
    const std::string verified = origin.value("verified", std::string("none"));
    return source.empty()       ? ""
           : verified == "none" ? source + ", not verified"
                                : fmt::format("{}, verified by its {}", source, verified);
}

std::string show_text(const Json& record, const Json& manifest) {
    std::string text = fmt::format("{}@{}  {}\n", record["image"].get<std::string>(),
                                   record["generation"].get<int>(), record["state"].get<std::string>());
    const auto line = [&](const char* label, const std::string& value) {
        if (!value.empty()) {
            text += fmt::format("  {:<14} {}\n", label, value);
        }
    };
    line("created", record["created"].get<std::string>());
    line("disk", record["path"].get<std::string>());
    line("sha256", record["sha256"].get<std::string>());
    line("virtual size", ByteSize::bytes(record["virtual_size"].get<std::uint64_t>()).text());
    line("stored size", ByteSize::bytes(record["allocated_size"].get<std::uint64_t>()).text());
    if (!record["parent"].is_null()) {
        line("stored on", fmt::format("@{} (chain of {} files below)", record["parent"].get<int>(),
                                      record["depth"].get<int>()));
    }
    line("recipe", manifest.value("recipe", Json::object()).value("file", std::string()));
    line("imported from", origin_text(manifest.value("origin", Json::object())));
    line("quarantined", record.value("reason", std::string()));
    line("damaged", record["damaged"].is_null() ? std::string() : record["damaged"].get<std::string>());
    std::string stages;
    for (const Json& stage : manifest.value("stages", Json::array())) {
        stages += (stages.empty() ? "" : " -> ") + stage.value("name", std::string());
    }
    line("stages", stages);
    line("packages", std::to_string(record["packages"].get<std::size_t>()));
    for (const Json& user : record["used_by"]) {
        line("used by", user.get<std::string>());
    }
    return text;
}

int show_image(const Arguments& arguments, CommandContext& context) {
    const OpenStore open(context);
    const store::ImageSpec spec = store::parse_image_spec(arguments.get_or("IMAGE", ""));
    if (!spec.generation && !open.store.current(spec.name) && !open.store.generations(spec.name).empty()) {
        const Json image = image_record(open.store, spec.name, open.store.all_holders(spec.name));
        context.result(image, image_text(image));
        return 0;
    }
    const store::Generation generation = open.store.resolve(arguments.get_or("IMAGE", ""));
    const Json manifest = generation.manifest();
    Json record = generation_record(generation, open.store.holders(generation.image, generation.generation));
    add_damage(open.store, generation, record);
    const std::filesystem::path list = generation.folder / "packages.json";
    record["packages"] = parse_json(read_file(list), list.string()).value("packages", Json::array()).size();
    record["manifest"] = manifest;
    std::string text = show_text(record, manifest);
    if (!spec.generation) {
        const Json image = image_record(open.store, spec.name, open.store.all_holders(spec.name));
        record["generations"] = image["generations"];
        text += "\n" + image_text(image);
    }
    context.result(record, text);
    return 0;
}

/// `images diff NAME`: the current generation against the one before it.
store::Generation generation_before(const store::Store& store, const store::Generation& after) {
    const std::vector<store::Generation> all = store.generations(after.image);
    for (auto one = all.rbegin(); one != all.rend(); ++one) {
        if (one->generation < after.generation && one->state == store::GenerationState::retired) {
            return *one;
        }
    }
    throw Error(Failure::usage, fmt::format("{} has no generation before it to compare with", after.label()),
                "name two generations: imgforge images diff NAME@1 NAME@2");
}

int diff_images(const Arguments& arguments, CommandContext& context) {
    const OpenStore open(context);
    const store::Generation first = open.store.resolve(arguments.get_or("A", ""));
    const auto second = arguments.get("B");
    const store::Generation before = second ? first : generation_before(open.store, first);
    const store::Generation after = second ? open.store.resolve(*second) : first;
    const bool all = arguments.has("all");
    const store::ContentDiff diff = store::diff_generations(before, after, all);
    context.result(store::diff_record(before, after, diff),
                   store::diff_text(before, after, diff, all ? 0 : 40));
    return 0;
}

}  // namespace

Json generation_record(const store::Generation& generation, const std::vector<store::Holder>& holders) {
    Json record = {{"image", generation.image}};
    const Json fields = store::to_json(generation);
    for (const auto& [key, value] : fields.items()) {
        record[key] = value;
    }
    record["path"] = generation.disk().string();
    record["used_by"] = Json::array();
    for (const store::Holder& holder : holders) {
        record["used_by"].push_back(to_string(holder));
    }
    return record;
}

Command images_list_command(std::string name) {
    return {
        .name = std::move(name),
        .group = "Images",
        .summary = "list golden images and their generations",
        .description =
            "One line per generation: its state (candidate, current, retired, quarantined), when it was "
            "created, its virtual size, its size in the store, and who uses it. New machines get the "
            "current generation.",
        .examples = {{"imgforge images list", "all images"}, {"imgforge images list --json", "for scripts"}},
        .run = list_images};
}

Command images_show_command() {
    return {
        .name = "images show",
        .group = "Images",
        .summary = "show one generation: its origin and contents",
        .positionals = {{.name = "IMAGE",
                         .help = "NAME (its current generation) or NAME@GENERATION",
                         .completes = Completes::image}},
        .examples = {{"imgforge images show debian13@2", "where generation 2 comes from, and what is in it"}},
        .run = show_image};
}

Command images_diff_command() {
    return {.name = "images diff",
            .group = "Images",
            .summary = "show the packages, files, configuration and sizes that differ",
            .description =
                "With one generation, it is compared with the one that was current before it. "
                "Logs, caches and files that differ in every build are left out unless --all is "
                "given.",
            .positionals =
                {{.name = "A", .help = "NAME or NAME@GENERATION", .completes = Completes::image},
                 {.name = "B", .help = "the newer one", .required = false, .completes = Completes::image}},
            .options = {{.names = {"--all"}, .help = "every line, volatile files included"}},
            .examples = {{"imgforge images diff debian13@1 debian13@2", "what the last refresh changed"}},
            .run = diff_images};
}

}  // namespace imgforge::cli
