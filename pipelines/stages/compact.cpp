// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/image/compact.hpp"
#include "pipelines/stages/input_disk.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/stages/stage_types.hpp"

namespace imgforge::stages {

using engine::StageResult;
using engine::StageTask;
using image::DiskFormat;
using image::qemu_img::Compression;

namespace {

Compression compression_of(const Json& options) {
    const std::string name = options.value("compress", "none");
    return name == "zstd" ? Compression::zstd : name == "zlib" ? Compression::zlib : Compression::none;
}

/// Host work only; a member of the offline group so that it does not break a shared launch in two.
class CompactStage final : public OfflineStage {
public:
    std::string_view name() const override { return "compact"; }
    std::string_view summary() const override {
        return "write the disk to a new, smallest possible file without a backing file";
    }
    int revision() const override { return 1; }
    bool uses_appliance(const Json& /*options*/) const override { return false; }

    const Json& schema() const override {
        static const Json schema = Json::parse(R"({
            "type": "object", "additionalProperties": false,
            "properties": {
                "compress": {"enum": ["none", "zlib", "zstd"], "default": "none",
                    "description": "compression of the qcow2 clusters: smaller, but slower to read"},
                "formats": {"type": "array", "items": {"enum": ["raw", "vmdk", "vhdx", "vdi"]},
                    "uniqueItems": true, "default": [],
                    "description": "additional files to write next to the qcow2, for other hypervisors"},
                "compare": {"type": "boolean", "default": false,
                    "description": "read every file again and compare it with the source, byte by byte"}
            }
        })");
        return schema;
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& /*recipe*/,
                                                const Json& /*options*/) const override {
        return {engine::tool_ingredient("qemu-img")};
    }

    StageResult outside(StageTask& task, const std::filesystem::path& /*layer*/,
                        const std::filesystem::path& /*needles_file*/, Json /*inside*/) const override {
        if (!task.input.disk) {
            throw Error(Failure::recipe, "no disk to compact", "put an install or fetch stage before it");
        }
        StageResult result;
        result.standalone = true;
        const auto made = write(task, "disk.qcow2", DiskFormat::qcow2);
        result.disk = "disk.qcow2";
        std::map<std::string, std::uint64_t> sizes = {{"qcow2", made.allocated_after}};
        for (const Json& name : task.options.value("formats", Json::array())) {
            const DiskFormat format = image::parse_disk_format(name.get<std::string>());
            const std::string file = "disk" + std::string(image::file_extension(format));
            sizes[name.get<std::string>()] = write(task, file, format).allocated_after;
            result.files.emplace("disk-" + name.get<std::string>(), file);
        }
        result.facts.compact = {
            .before = made.allocated_before, .after = std::move(sizes), .virtual_size = made.virtual_size};
        return result;
    }

private:
    static image::CompactResult write(const StageTask& task, const std::string& file, DiskFormat format) {
        return image::compact_image(
            *task.host->processes,
            {.from = *task.input.disk,
             .policy = input_policy(task),
             .to = task.scratch / file,
             .to_format = format,
             .compression = format == DiskFormat::qcow2 ? compression_of(task.options) : Compression::none,
             .compare = task.options.value("compare", false),
             .parent_activity = task.activity},
            *task.host->monitor);
    }
};

}  // namespace

const engine::StageType& compact_stage() {
    static const CompactStage stage;
    return stage;
}

}  // namespace imgforge::stages
