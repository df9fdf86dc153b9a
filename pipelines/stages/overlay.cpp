// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/overlay.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/image/open_image.hpp"
#include "pipelines/stages/input_disk.hpp"
#include "pipelines/stages/stage_types.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

Json size_option(const char* description) {
    return {{"type", "string"},
            {"pattern", "^[0-9]+(\\.[0-9]+)? ?[KMGTP](i?B)?$"},
            {"x-message", "must be a size with its unit such as 10G"},
            {"description", description}};
}

Json overlay_schema() {
    return {
        {"type", "object"},
        {"additionalProperties", false},
        {"properties",
         {{"base",
           {{"type", "string"},
            {"format", "path"},
            {"minLength", 1},
            {"description", "Disk image to start from; default: the disk of the previous stage"}}},
          {"format",
           {{"type", "string"},
            {"enum", {"qcow2", "raw"}},
            {"default", "qcow2"},
            {"description", "Format of base, which is never guessed from its content"}}},
          {"backing-files",
           {{"type", "array"},
            {"items", {{"type", "string"}, {"format", "path"}, {"minLength", 1}}},
            {"default", Json::array()},
            {"description", "Backing files of base; a base whose header names any other file is rejected"}}},
          {"size", size_option("Virtual size, at least that of base; default: the same")}}}};
}

Json resize_schema() {
    return {{"type", "object"},
            {"additionalProperties", false},
            {"required", {"size"}},
            {"properties",
             {{"size", size_option("New virtual size, at least the present one; the guest grows its file "
                                   "system at the next boot")}}}};
}

std::optional<ByteSize> size_of(const Json& options) {
    return options.contains("size") ? std::optional(ByteSize::parse(options["size"].get<std::string>()))
                                    : std::nullopt;
}

/// backing-files of the options, as paths.
std::vector<fs::path> stated_files(const engine::RecipeFacts& recipe, const Json& options) {
    std::vector<fs::path> files;
    for (const Json& name : options.value("backing-files", Json::array())) {
        files.push_back(recipe.folder / name.get<std::string>());
    }
    return files;
}

std::vector<fs::path> paths_of(const std::vector<image::ChainLink>& chain) {
    std::vector<fs::path> paths;
    for (const image::ChainLink& link : chain) {
        paths.push_back(link.file);
    }
    return paths;
}

engine::StageResult put_overlay(const engine::StageTask& task, const fs::path& backing,
                                image::DiskFormat format) {
    image::OverlaySpec spec{
        .overlay = task.scratch / "disk.qcow2", .backing = backing, .backing_format = format};
    spec.virtual_size = size_of(task.options);
    image::create_overlay(spec);
    return {.disk = "disk.qcow2"};
}

Error no_disk(const engine::StageTask& task) {
    return {Failure::recipe, fmt::format("stage '{}' has no disk to work on", task.name),
            "put a stage that makes one before it (install, fetch as: disk, overlay base:)"};
}

class Overlay final : public engine::StageType {
public:
    std::string_view name() const override { return "overlay"; }
    std::string_view summary() const override {
        return "Start from a disk image without changing "
               "it";
    }
    int revision() const override { return 2; }
    const Json& schema() const override {
        static const Json schema = overlay_schema();
        return schema;
    }

    void check(const engine::RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        std::error_code code;
        if (options.contains("base") &&
            !fs::is_regular_file(recipe.folder / options["base"].get<std::string>(), code)) {
            diagnostics.add(document.at(pointer + "/base",
                                        fmt::format("no such file: {}", options["base"].get<std::string>())));
        }
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json& options) const override {
        if (!options.contains("base")) {
            return {};
        }
        std::vector<fs::path> files = stated_files(recipe, options);
        files.insert(files.begin(), recipe.folder / options["base"].get<std::string>());
        std::vector<engine::Ingredient> list;
        for (const fs::path& file : files) {
            list.push_back(engine::named_file_ingredient(file, recipe));
        }
        return list;
    }

    engine::StageResult run(engine::StageTask& task) const override {
        if (!task.options.contains("base")) {
            return put_overlay(task, task.input.disk ? *task.input.disk : throw no_disk(task),
                               image::DiskFormat::qcow2);
        }
        image::ImageSource source{
            .file = task.recipe->folder / task.options["base"].get<std::string>(),
            .format = image::parse_disk_format(task.options["format"].get<std::string>()),
            .backing_files = stated_files(*task.recipe, task.options),
            .stores = {task.host->places.images()}};
        const image::OpenedImage base = image::open_image(*task.host->processes, source);
        engine::StageResult result = put_overlay(task, base.file, base.format);
        result.facts.stated_images = paths_of(base.chain);
        return result;
    }
};

class Resize final : public engine::StageType {
public:
    std::string_view name() const override { return "resize"; }
    std::string_view summary() const override { return "Give the disk a larger virtual size"; }
    int revision() const override { return 1; }
    const Json& schema() const override {
        static const Json schema = resize_schema();
        return schema;
    }
    engine::StageResult run(engine::StageTask& task) const override {
        return put_overlay(task, task.input.disk ? *task.input.disk : throw no_disk(task),
                           image::DiskFormat::qcow2);
    }
};

}  // namespace

const engine::StageType& overlay_stage() {
    static const Overlay type;
    return type;
}

const engine::StageType& resize_stage() {
    static const Resize type;
    return type;
}

}  // namespace imgforge::stages
