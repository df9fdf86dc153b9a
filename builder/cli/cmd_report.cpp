// SPDX-License-Identifier: GPL-3.0-or-later
#include <filesystem>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/commands.hpp"
#include "builder/cli/report_site.hpp"
#include "pipelines/report/page_file.hpp"
#include "pipelines/report/run_folder.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

/// RUN is an id below runs/, or a directory; without it the newest.
fs::path folder_of(const Arguments& arguments, const CommandContext& context) {
    const auto run = arguments.get("RUN");
    if (!run) {
        return report::newest_run(context.places.runs());
    }
    for (const fs::path& folder : {context.places.runs() / *run, fs::path(*run)}) {
        std::error_code code;
        if (fs::is_directory(folder, code)) {
            return folder;
        }
    }
    throw Error(Failure::usage, fmt::format("no run '{}' in {}", *run, context.places.runs().string()),
                "imgforge report takes the newest");
}

int run_report(const Arguments& arguments, CommandContext& context) {
    if (const auto site = arguments.get("site")) {
        if (arguments.get("RUN") || arguments.get("output")) {
            throw Error(Failure::usage, "--site is about the whole store, not about one run",
                        "leave out RUN and --output");
        }
        return write_report_site(*site, context);
    }
    const report::RunReport run = report::read_run(folder_of(arguments, context));
    const fs::path output = arguments.get_or("output", run.run + ".html");
    report::write_page(output, run);
    context.result(
        {{"run", run.run}, {"recipe", run.recipe}, {"ok", run.ok}, {"path", fs::absolute(output).string()}},
        output.string());
    return 0;
}

}  // namespace

Command report_command() {
    return {
        .name = "report",
        .group = "Build",
        .summary = "write a page about a build, or a site about all images",
        .description =
            "The page shows the stages with their times and what was cached, how the "
            "installation ended, its last screen, the image, the package changes since the "
            "previous generation, and the audit. It is self-contained and has no "
            "script; secrets are masked.\n\nWith --site, pages about the whole store are "
            "written: each image's generations over time (size, packages, build time), what "
            "changed in them, the machines on them, and their SBOM and attestation. It needs no "
            "server; run it after each refresh to keep it up to date.",
        .positionals = {{.name = "RUN", .help = "id of a run; default: the newest", .required = false}},
        .options = {{.names = {"--output", "-o"},
                     .value = "FILE",
                     .help = "the page; default: RUN.html",
                     .completes = Completes::file},
                    {.names = {"--site"},
                     .value = "DIR",
                     .help = "write a site about all images into this directory",
                     .completes = Completes::folder}},
        .examples = {{"imgforge report", "the newest build"},
                     {"imgforge report 20261121-084013-debian13-f362 -o build.html", "that one"},
                     {"imgforge report --site /srv/www/images", "all images, for a web server or a browser"}},
        .run = run_report};
}

}  // namespace imgforge::cli
