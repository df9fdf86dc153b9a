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

int refresh_images(const Arguments& arguments, CommandContext& context) {
    stages::RefreshOptions options;
    options.images = arguments.all("IMAGE");
    options.force = arguments.has("force");
    options.dry_run = arguments.has("plan");
    if (const auto jobs = arguments.integer("jobs", 1, 256)) {
        options.jobs = static_cast<int>(*jobs);
    }
    if (options.images.empty() == !arguments.has("all")) {
        throw Error(Failure::usage,
                    options.images.empty() ? "which image?" : "--all and image names exclude each other",
                    "imgforge refresh NAME…, or imgforge refresh --all");
    }
    options.seams = build_seams(context);
    const engine::StageServices services = stage_services(context);
    const std::vector<stages::RefreshResult> results = stages::refresh(options, services);
    bool failed = false;
    for (const stages::RefreshResult& result : results) {
        failed = failed || result.outcome == stages::RefreshOutcome::failed;
    }
    if (!options.dry_run) {
        write_metrics(arguments, context, results);
        stages::notify(context.settings.notify, results, host_name(), *context.processes, *context.monitor);
    }
    context.result(stages::refresh_record(results), stages::refresh_text(results));
    return static_cast<int>(failed ? ExitCode::failed : ExitCode::ok);
}

}  // namespace

Command refresh_command() {
    return {.name = "refresh",
            .group = "Build",
            .summary = "the nightly job: update images, publish what really changed",
            .description =
                "For each image: when its recipe or medium changed, a full build; when it is older than the "
                "recipe's max-age and its "
                "package sources changed, package updates on the cached layer before sysprep, then sysprep, "
                "audit, proof boot and "
                "publication. Nothing is published when packages and files are those of the current "
                "generation. A failed run is never "
                "taken for unchanged.\n\nImages are worked on side by side within `jobs` and `budget: "
                "{memory, cpus, disk}` of the "
                "settings. `notify: {command: [mail, -s, imgforge, root], on: [failure, change]}` gets a "
                "report on its standard input; "
                "`metrics: FILE` is written for node_exporter. Exit code 1 when an image failed.",
            .positionals = {{.name = "IMAGE",
                             .help = "image names",
                             .required = false,
                             .repeatable = true,
                             .completes = Completes::image}},
            .options = {{.names = {"--all"}, .help = "all images"},
                        {.names = {"--plan"}, .help = "say what would be done and why, then stop"},
                        {.names = {"--force"},
                         .help = "look for updates even when the image is younger than its max-age"},
                        {.names = {"--jobs"}, .value = "N", .help = "at most so many images side by side"},
                        {.names = {"--metrics"},
                         .value = "FILE",
                         .help = "write Prometheus metrics there",
                         .completes = Completes::file}},
            .examples = {{"imgforge refresh --all", "what the timer runs"},
                         {"imgforge refresh debian13 --plan", "would anything be done, and why"}},
            .run = refresh_images};
}

}  // namespace imgforge::cli
