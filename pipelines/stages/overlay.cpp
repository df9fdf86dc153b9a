// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/image/overlay.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
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
    return {{"type", "object"},
            {"additionalProperties", false},
            {"properties",
             {{"base",
               {{"type", "string"},
                {"format", "path"},
                {"minLength", 1},
                {"description", "Disk image to stand on; without it the disk of the stage before"}}},
              {"format",
               {{"type", "string"},
                {"enum", {"qcow2", "raw"}},
                {"default", "qcow2"},
                {"description", "Format of base; it is stated, never probed"}}},
              {"size", size_option("Virtual size, at least that of the disk below; without it the same")}}}};
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
    std::string_view summary() const override { return "Start from a disk image, leaving it as it is"; }
    int revision() const override { return 1; }
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
        const fs::path base = recipe.folder / options["base"].get<std::string>();
        return {engine::file_ingredient("file " + base.filename().string(), base, recipe)};
    }

    engine::StageResult run(engine::StageTask& task) const override {
        if (!task.options.contains("base")) {
            return put_overlay(task, task.input.disk ? *task.input.disk : throw no_disk(task),
                               image::DiskFormat::qcow2);
        }
        const fs::path base = fs::absolute(task.recipe->folder / task.options["base"].get<std::string>());
        const bool raw = task.options["format"] == "raw";
        return put_overlay(task, base, raw ? image::DiskFormat::raw : image::DiskFormat::qcow2);
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
