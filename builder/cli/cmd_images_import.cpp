// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/cli/exchange_commands.hpp"
#include "builder/cli/import_support.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "sysprep/audit/audit_image.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/selection.hpp"
#include "sysprep/sysprep_image.hpp"

namespace imgforge::cli {
namespace {

/// Sysprep with its default operations, then the audit; nothing is imported unless it is clean.
exchange::CleanDisk cleaner(CommandContext& context) {
    return [&context](const std::filesystem::path& disk, const std::filesystem::path& report) {
        const auto accelerator =
            stages::appliance_accelerator(context.settings, context.places, *context.processes);
        sysprep::ImageRequest request;
        request.image = disk;
        request.format = image::DiskFormat::qcow2;
        request.accelerator = accelerator;
        sysprep::sysprep_image(request, sysprep::select_operations("", sysprep::all_operations()), {}, false,
                               *context.processes, *context.monitor);
        sysprep::audit::ImageAuditRequest audit;
        audit.audit.disk = disk;
        audit.audit.format = image::DiskFormat::qcow2;
        audit.audit.expect.machine_id = "empty";
        audit.accelerator = accelerator;
        const sysprep::audit::Report found =
            sysprep::audit::audit_image(audit, *context.processes, *context.monitor);
        write_file_atomically(report, pretty(found.to_json()));
        if (!found.clean()) {
            throw Error(
                Failure::integrity, "the image is not clean after sysprep:\n" + found.text(),
                "`imgforge customize` and `imgforge sysprep` change a copy; `imgforge audit` judges it");
        }
    };
}

int import_command(const Arguments& arguments, CommandContext& context) {
    exchange::SourceRequest request = source_request(arguments, arguments.get_or("SOURCE", ""));
    request.name = arguments.get_or("name", "");
    const exchange::ImageSource source = exchange::resolve_source(request, open_catalog());
    const exchange::ImportResult result =
        import_source(context, source, arguments.has("sysprep") ? cleaner(context) : exchange::CleanDisk{});
    const std::string verified = result.origin["verified"].get<std::string>();
    context.result(
        {{"image", result.generation.image},
         {"generation", result.generation.generation},
         {"published", result.published},
         {"reason", result.reason},
         {"path", result.generation.disk().string()},
         {"origin", result.origin},
         {"seconds", result.seconds}},
        result.published
            ? fmt::format("{} is now the current generation ({:.1f} s, {})\nnext: imgforge spawn {}\n",
                          result.generation.label(), result.seconds,
                          verified == "none" ? "not verified" : "verified by its " + verified,
                          result.generation.image)
            : fmt::format("nothing imported: {}\n", result.reason));
    return 0;
}

}  // namespace

Command images_import_command() {
    std::vector<Option> options = {{.names = {"--name"},
                                    .value = "NAME",
                                    .help = "name of the golden image (default: derived from the source)"}};
    for (const auto& more : {source_options(), proof_options()}) {
        options.insert(options.end(), more.begin(), more.end());
    }
    options.push_back(
        {.names = {"--sysprep"},
         .help = "remove identity and secrets from it, and audit it, first (starts the appliance)"});
    return {
        .name = "images import",
        .group = "Images",
        .summary = "import a file, a URL or an official cloud image as the next generation",
        .description =
            "SOURCE is a disk image (qcow2, raw, vmdk, vhdx or vdi, also compressed as .xz, .gz, "
            ".zst or .bz2), a URL of one, or a name that `imgforge catalog` lists. The "
            "generation is complete and read-only like any other; its manifest records its "
            "origin and how it was verified.\n\nThe format is derived from the file name and the "
            "first bytes, which must agree; --format overrides the name. Images that refer to "
            "other files or are encrypted, damaged or truncated are rejected. Importing content "
            "that is already the current generation creates no new one.",
        .positionals = {{.name = "SOURCE",
                         .help = "a file, a URL, or a name that `imgforge catalog` lists",
                         .completes = Completes::file}},
        .options = std::move(options),
        .examples = {{"imgforge images import debian12", "the official cloud image, verified"},
                     {"imgforge images import ./web.vmdk --name web --os rocky9", "a disk from elsewhere"},
                     {"imgforge images import https://example.org/disk.raw.xz --sha256 DIGEST",
                      "a compressed image, by URL"}},
        .run = import_command};
}

}  // namespace imgforge::cli
