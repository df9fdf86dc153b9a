// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/backing_chain.hpp"
#include "pipelines/exchange/export.hpp"
#include "pipelines/stages/export_stage.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/stages/rootfs_tar.hpp"

namespace fs = std::filesystem;

namespace imgforge::stages {
namespace {

/// Which files of a directory earlier exports wrote, by name with their digest: only those may be replaced.
class ExportedFiles {
public:
    explicit ExportedFiles(fs::path folder) : file_(std::move(folder) / ".imgforge-exports.json") {
        std::error_code code;
        if (fs::exists(file_, code)) {
            record_ = parse_json(read_file(file_, 1U << 20U), file_.string());
        }
    }

    bool wrote(const fs::path& path) const {
        const std::string name = path.filename().string();
        std::error_code code;
        return record_.is_object() && record_.contains(name) && fs::is_regular_file(path, code) &&
               record_[name] == sha256_file(path);
    }
    void add(const exchange::ExportFile& file) {
        record_[file.path.filename().string()] = file.sha256;
        write_file_atomically(file_, pretty(record_));
    }

private:
    fs::path file_;
    Json record_ = Json::object();
};

fs::path folder_of(const engine::RecipeFacts& recipe, const Json& options) {
    return (recipe.folder / options.value("to", std::string("."))).lexically_normal();
}

exchange::ExportDisk disk_of(const engine::StageTask& task) {
    const auto chain = image::read_backing_chain(*task.input.disk, image::DiskFormat::qcow2);
    const auto& published = task.input.facts.published;
    return {.disk = *task.input.disk,
            .name = task.recipe->name,
            .tag = published ? std::to_string(published->generation) : "latest",
            .arch = {},
            .virtual_size = chain.front().virtual_size,
            .standalone = chain.size() == 1};
}

class ExportStage final : public engine::StageType {
public:
    std::string_view name() const override { return "export"; }
    std::string_view summary() const override {
        return "write the disk as standalone files for other hypervisors, KubeVirt or containers";
    }
    int revision() const override { return 1; }

    const Json& schema() const override {
        static const Json schema = {
            {"type", "object"},
            {"additionalProperties", false},
            {"required", {"formats"}},
            {"properties",
             {{"formats",
               {{"type", "array"},
                {"minItems", 1},
                {"uniqueItems", true},
                {"items", {{"enum", exchange::export_format_names()}}},
                {"description", "formats of the files to write; each file is read back and compared"}}},
              {"to",
               {{"type", "string"},
                {"format", "path"},
                {"minLength", 1},
                {"default", "."},
                {"description",
                 "directory for the files, NAME-GENERATION.EXTENSION; files that were not written by an "
                 "export are never replaced"}}},
              {"compat",
               {{"type", "boolean"},
                {"default", false},
                {"description", "qcow2 with zlib clusters, for readers before QEMU 5.1"}}}}}};
        return schema;
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json& options) const override {
        return {engine::tool_ingredient("qemu-img"),
                {.name = "folder", .value = folder_of(recipe, options).string()}};
    }

    bool still_valid(const engine::StageResult& cached, const Host&, std::string& reason) const override {
        for (const engine::ExportedFile& file : cached.facts.exports) {
            std::error_code code;
            if (fs::file_size(file.path, code) != file.size || code) {
                reason = fmt::format("{} was removed or changed", file.path.string());
                return false;
            }
        }
        return true;
    }

    engine::StageResult run(engine::StageTask& task) const override {
        if (!task.input.disk) {
            throw Error(Failure::recipe, "no disk to export", "put an install or fetch stage before it");
        }
        const fs::path folder = folder_of(*task.recipe, task.options);
        make_directories(folder);
        ExportedFiles ours(folder);
        const exchange::ExportDisk disk = disk_of(task);
        engine::StageResult result;
        for (const Json& name : task.options.at("formats")) {
            const exchange::ExportFormat format = exchange::parse_export_format(name.get<std::string>());
            const fs::path output = folder / exchange::export_file_name(disk, format);
            const exchange::ExportFile made = exchange::export_disk(
                disk, format, output,
                {.compat = task.options.value("compat", false), .force = ours.wrote(output)}, services(task));
            ours.add(made);
            result.facts.exports.push_back({.path = made.path,
                                            .format = std::string(to_string(made.format)),
                                            .sha256 = made.sha256,
                                            .size = made.size});
            task.host->monitor->message(fmt::format("exported {}", output.string()));
        }
        return result;
    }

private:
    static exchange::ExportServices services(const engine::StageTask& task) {
        const auto write_rootfs = [&task](const fs::path& from, const fs::path& tar) {
            const Host& given = *task.host;
            write_rootfs_tar(from, tar, appliance_accelerator(given.settings, given.places, *given.processes),
                             *task.host->monitor);
        };
        return {.processes = *task.host->processes,
                .monitor = *task.host->monitor,
                .work_folder = task.scratch,
                .write_rootfs = write_rootfs,
                .activity = task.activity};
    }
};

}  // namespace

const engine::StageType& export_stage() {
    static const ExportStage stage;
    return stage;
}

}  // namespace imgforge::stages
