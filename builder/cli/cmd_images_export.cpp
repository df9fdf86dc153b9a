// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/exchange_commands.hpp"
#include "builder/cli/images_support.hpp"
#include "pipelines/exchange/export.hpp"
#include "pipelines/exchange/workspace.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/stages/rootfs_tar.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

exchange::ExportDisk disk_of(const store::Generation& generation) {
    const Json recipe = generation.manifest().value("recipe", Json::object());
    return {.disk = generation.disk(),
            .name = generation.image,
            .tag = std::to_string(generation.generation),
            .arch = recipe.value("arch", std::string()),
            .virtual_size = generation.virtual_size,
            .standalone = generation.depth == 0};
}

/// --output names the file, or an existing directory for one file per format.
fs::path output_of(const Arguments& arguments, const exchange::ExportDisk& disk,
                   exchange::ExportFormat format, bool several) {
    const auto given = arguments.get("output");
    const std::string name = exchange::export_file_name(disk, format);
    if (!given) {
        return name;
    }
    if (fs::is_directory(*given)) {
        return fs::path(*given) / name;
    }
    if (several) {
        throw Error(Failure::usage,
                    fmt::format("--output {} is one file, but several formats are wanted", *given),
                    "name an existing directory");
    }
    return *given;
}

std::string export_text(const std::vector<exchange::ExportFile>& files) {
    std::string text;
    for (const exchange::ExportFile& file : files) {
        text += fmt::format("{}  {}  sha256 {}\n", file.path.string(), ByteSize::bytes(file.size).text(),
                            file.sha256);
    }
    return text;
}

int run_export(const Arguments& arguments, CommandContext& context) {
    std::vector<exchange::ExportFormat> formats;
    for (const std::string& name : arguments.all("format")) {
        formats.push_back(exchange::parse_export_format(name));
    }
    if (formats.empty()) {
        formats.push_back(exchange::ExportFormat::qcow2);
    }
    OpenStore open(context);
    const std::string text = arguments.get_or("IMAGE", "");
    const exchange::Workspace work(open.store, open.store.resolve(text).image);
    const store::Generation generation = open.store.acquire(text, work.holder());
    const exchange::ExportDisk disk = disk_of(generation);
    const exchange::ExportServices services{
        .processes = *context.processes,
        .monitor = *context.monitor,
        .work_folder = work.folder(),
        .write_rootfs = [&](const fs::path& from, const fs::path& tar) {
            stages::write_rootfs_tar(
                from, tar,
                stages::appliance_accelerator(context.settings, context.places, *context.processes),
                *context.monitor);
        }};
    const exchange::ExportOptions options{.compat = arguments.has("compat"), .force = arguments.has("force")};
    std::vector<exchange::ExportFile> files;
    for (const exchange::ExportFormat format : formats) {
        const fs::path output = output_of(arguments, disk, format, formats.size() > 1);
        files.push_back(exchange::export_disk(disk, format, output, options, services));
    }
    context.result(exchange::export_record(files), export_text(files));
    return 0;
}

}  // namespace

Command images_export_command() {
    const auto& names = exchange::export_format_names();
    return {
        .name = "images export",
        .group = "Images",
        .summary = "write a generation as one file for another hypervisor, KubeVirt or containers",
        .description =
            "The file is standalone; it is read back and compared with the generation before it "
            "appears under its name. ova is an OVF 1.0 package with a streamOptimized disk; "
            "containerdisk is an OCI archive that KubeVirt runs, with the same digest every "
            "time; rootfs is a tar of the root file system with numeric owners and extended "
            "attributes (starts the appliance).\n\nWithout --output the file is NAME-GENERATION "
            "with the format's ending, here. Existing files are replaced only with --force.",
        .positionals = {{.name = "IMAGE",
                         .help = "NAME (its current generation) or NAME@GENERATION",
                         .completes = Completes::image}},
        .options = {{.names = {"--format", "-f"},
                     .value = "FORMAT",
                     .help = "default: qcow2; may be given several times",
                     .repeatable = true,
                     .choices = {names.begin(), names.end()},
                     .completes = Completes::choice},
                    {.names = {"--output", "-o"},
                     .value = "FILE",
                     .help = "the file, or an existing directory",
                     .completes = Completes::file},
                    {.names = {"--compat"}, .help = "qcow2 with zlib clusters, for readers before QEMU 5.1"},
                    {.names = {"--force"}, .help = "replace an existing file"}},
        .examples = {{"imgforge images export debian12 --format ova", "for VMware and VirtualBox"},
                     {"imgforge images export debian12@3 --format raw --output disk.raw", "one generation"},
                     {"imgforge images export debian12 --format containerdisk", "for KubeVirt"}},
        .run = run_export};
}

}  // namespace imgforge::cli
