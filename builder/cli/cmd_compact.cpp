// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/output_file.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/image_argument.hpp"
#include "builder/image/compact.hpp"

namespace imgforge::cli {

namespace {

image::qemu_img::Compression compression_of(const std::string& name) {
    using image::qemu_img::Compression;
    return name == "zstd" ? Compression::zstd : name == "zlib" ? Compression::zlib : Compression::none;
}

int run_compact(const Arguments& arguments, CommandContext& context) {
    const std::filesystem::path file = arguments.get("IMAGE").value();
    const image::OpenedImage opened = open_named_image(arguments, context, file);
    image::CompactSpec spec;
    spec.from = opened.file;
    spec.from_format = opened.format;
    spec.policy = opened.policy();
    spec.to = arguments.get_or("output", file.string());
    if (arguments.has("output")) {
        // Refused before anything is read; and what only its owner could read stays so.
        const OutputFile checked(
            spec.to, arguments.has("force") ? OutputFile::Existing::replace : OutputFile::Existing::refuse,
            spec.mode, "add --force to replace it, or name another with --output");
        spec.mode = static_cast<unsigned>(std::filesystem::status(opened.file).permissions());
        spec.mode = (spec.mode & 0777U) | 0600U;
    }
    spec.to_format = arguments.has("to") ? image::parse_disk_format(*arguments.get("to")) : spec.from_format;
    spec.compression = compression_of(arguments.get_or("compress", "none"));
    spec.compare = arguments.has("compare");
    if (spec.to_format != spec.from_format && !arguments.has("output")) {
        throw Error(
            Failure::usage,
            fmt::format("another format than {} needs a new name", image::to_string(spec.from_format)),
            "give --output FILE");
    }
    if (spec.compression != image::qemu_img::Compression::none &&
        spec.to_format != image::DiskFormat::qcow2) {
        throw Error(Failure::usage,
                    fmt::format("{} has no compressed clusters", image::to_string(spec.to_format)),
                    "leave --compress out");
    }
    const auto result = image::compact_image(*context.processes, spec, *context.monitor);
    context.result({{"path", result.file.string()},
                    {"format", image::to_string(result.format)},
                    {"virtual_size", result.virtual_size.in_bytes()},
                    {"allocated_before", result.allocated_before},
                    {"allocated_size", result.allocated_after},
                    {"seconds", result.seconds}},
                   fmt::format("{}: {} -> {} ({}, virtual size {})\n", result.file.string(),
                               ByteSize::bytes(result.allocated_before).text(),
                               ByteSize::bytes(result.allocated_after).text(),
                               image::to_string(result.format), result.virtual_size.text()));
    return 0;
}

}  // namespace

Command compact_command() {
    return {
        .name = "compact",
        .group = "Images",
        .summary = "write a disk as the smallest file: no backing files, no stale data",
        .description =
            "Writes the disk as a machine sees it to a new standalone file: zeros take no space, "
            "and snapshots, backing files and stale clusters are dropped. The new file is "
            "checked and flushed before it replaces the image (or appears as --output). A "
            "machine that uses the image must be shut off.",
        .positionals = {{.name = "IMAGE", .help = "disk image", .completes = Completes::file}},
        .options = joined({
            std::vector<Option>{
                {.names = {"--output", "-o"},
                 .value = "FILE",
                 .help = "write the result here and leave IMAGE unchanged",
                 .completes = Completes::file},
                {.names = {"--force"}, .help = "replace the file that --output names"},
                {.names = {"--to"},
                 .value = "FORMAT",
                 .help = "format of the new file (default: as before)",
                 .choices = {"qcow2", "raw", "vmdk", "vhdx", "vdi"},
                 .completes = Completes::choice},
                {.names = {"--compress"},
                 .value = "TYPE",
                 .help = "compress the clusters of a qcow2",
                 .choices = {"none", "zlib", "zstd"},
                 .completes = Completes::choice},
                {.names = {"--compare"}, .help = "read the new file again and compare every byte"},
            },
            image_opening_options(),
        }),
        .examples = {{.line = "imgforge compact disk.qcow2 --compress zstd", .what = "shrink in place"},
                     {.line = "imgforge compact disk.qcow2 --to vmdk --output disk.vmdk",
                      .what = "for another hypervisor"}},
        .run = run_compact,
    };
}

}  // namespace imgforge::cli
