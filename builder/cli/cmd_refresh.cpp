// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/host_name.hpp"
#include "builder/cli/build_support.hpp"
#include "builder/cli/commands.hpp"
#include "pipelines/stages/refresh.hpp"
#include "pipelines/stages/refresh_report.hpp"

namespace imgforge::cli {
namespace {

/// --metrics FILE, else `metrics:` of the settings; a failure to write it must not hide the refresh's own
/// result.
void write_metrics(const Arguments& arguments, const CommandContext& context,
                   const std::vector<stages::RefreshResult>& results) {
    const std::string file =
        arguments.get_or("metrics", context.settings.metrics.value_or(std::filesystem::path()).string());
    if (file.empty()) {
        return;
    }
    try {
        write_file_atomically(file, stages::refresh_metrics(results, context.clock->wall_seconds()));
    } catch (const Error& error) {
        context.monitor->warning("metrics: " + error.describe());
    }
}

/// That of the failure when one image was asked for: a scheduler's task is one image, and what became of it
/// must not be lost. Of several it is 1.
int exit_code_of(const std::vector<stages::RefreshResult>& results) {
    ExitCode code = ExitCode::ok;
    for (const stages::RefreshResult& result : results) {
        if (result.outcome == stages::RefreshOutcome::failed) {
            code = results.size() == 1 ? exit_code(result.kind) : ExitCode::failed;
        }
    }
    return static_cast<int>(code);
}

int refresh_images(const Arguments& arguments, CommandContext& context) {
    stages::RefreshOptions options;
    options.images = arguments.all("IMAGE");
    options.force = arguments.has("force");
    const bool list = arguments.has("list");
    options.dry_run = arguments.has("plan") || list;
    if (const auto jobs = arguments.integer("jobs", 1, 256)) {
        options.jobs = static_cast<int>(*jobs);
    }
    if (options.images.empty() == !(arguments.has("all") || list)) {
        throw Error(
            Failure::usage,
            options.images.empty() ? "'refresh' needs IMAGE or --all" : "IMAGE excludes --all and --list",
            "imgforge refresh NAME…, or imgforge refresh --all");
    }
    const MachineDisks disks(context);
    const std::vector<stages::RefreshResult> results = stages::refresh(options, context, &disks);
    if (list) {
        context.result(stages::refresh_list_record(results), stages::refresh_list_text(results));
        return 0;
    }
    if (!options.dry_run) {
        write_metrics(arguments, context, results);
        stages::notify(context.settings.notify, results, host_name(), *context.processes, *context.monitor);
    }
    context.result(stages::refresh_record(results), stages::refresh_text(results));
    return exit_code_of(results);
}

}  // namespace

Command refresh_command() {
    return {.name = "refresh",
            .group = "Build",
            .summary = "update images and publish those that changed (the nightly job)",
            .description =
                "An image whose recipe or installer ISO changed is built in full. One that is older "
                "than the recipe's max-age, with changed package sources, gets its package updates "
                "on the cached layer before sysprep, then sysprep, audit, proof boot and "
                "publication. Nothing is published when packages and files equal those of the "
                "current generation. A failed run never counts as unchanged.\n\nImages are processed "
                "in parallel within `jobs` and `budget: {memory, cpus, disk}` of the settings. "
                "`notify: {command: [mail, -s, imgforge, root], on: [failure, change]}` receives a "
                "report on standard input; `metrics: FILE` is written for node_exporter. The exit "
                "code is 1 when one of several images failed; for a single image it is that of its "
                "failure (5: audit or verification).\n\n--list prints the images that are due, with "
                "the resources each needs and why, for a scheduler (Slurm, CI) that runs `imgforge "
                "refresh NAME` for each.",
            .positionals = {{.name = "IMAGE",
                             .help = "image names",
                             .required = false,
                             .repeatable = true,
                             .completes = Completes::image}},
            .options = {{.names = {"--all"}, .help = "all images"},
                        {.names = {"--plan"}, .help = "report what would be done and why, then stop"},
                        {.names = {"--list"}, .help = "list the images that are due, for a scheduler"},
                        {.names = {"--force"},
                         .help = "look for updates even when the image is younger than its max-age"},
                        {.names = {"--jobs"}, .value = "N", .help = "how many images in parallel, at most"},
                        {.names = {"--metrics"},
                         .value = "FILE",
                         .help = "write Prometheus metrics there",
                         .completes = Completes::file}},
            .examples = {{"imgforge refresh --all", "what the timer runs"},
                         {"imgforge refresh debian13 --plan", "what would be done, and why"},
                         {"imgforge refresh --list --json", "jobs for a scheduler"}},
            .run = refresh_images};
}

}  // namespace imgforge::cli
