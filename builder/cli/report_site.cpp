// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/report_site.hpp"

#include <algorithm>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/cli/images_support.hpp"
#include "pipelines/report/run_folder.hpp"
#include "pipelines/report/site.hpp"

namespace fs = std::filesystem;

namespace imgforge::cli {
namespace {

using BuildTimes = std::map<std::pair<std::string, std::string>, double>;

/// Seconds of each run that published a generation and is still there.
BuildTimes build_times(const fs::path& runs) {
    BuildTimes times;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(runs, code)) {
        try {
            const report::RunReport run = report::read_run(entry.path());
            const std::string disk = run.image.is_object() ? run.image.value("path", std::string()) : "";
            double seconds = 0;
            for (const report::StageLine& stage : run.stages) {
                seconds = std::max(seconds, stage.begin + stage.seconds);
            }
            // images/NAME/GENERATION/disk.qcow2
            const fs::path generation = fs::path(disk).parent_path();
            if (!disk.empty()) {
                times[{generation.parent_path().filename().string(), generation.filename().string()}] =
                    seconds;
            }
        } catch (const Error&) {
            // A run that is going on, or was killed before its record: it has no time to show.
        }
    }
    return times;
}

std::vector<std::string> lines_of(const Json& list) {
    std::vector<std::string> lines;
    for (const Json& line : list) {
        lines.push_back(line.is_string() ? line.get<std::string>() : line.dump());
    }
    return lines;
}

/// The pages' data of one generation, and its documents into `files`. `before` is the package list of the
/// generation before and becomes this one's.
report::SiteGeneration describe(const store::Generation& generation,
                                const std::vector<store::Holder>& holders, Json& before,
                                report::SiteFiles& files) {
    report::SiteGeneration one{.number = generation.generation,
                               .state = std::string(store::to_string(generation.state)),
                               .created = iso_time(generation.created),
                               .sha256 = generation.sha256,
                               .reason = generation.reason,
                               .stored_bytes = generation.allocated_size.in_bytes(),
                               .virtual_bytes = generation.virtual_size.in_bytes()};
    for (const store::Holder& holder : holders) {
        if (holder.kind == store::Holder::Kind::instance) {
            one.machines.push_back(holder.name);
        }
    }
    const fs::path list = generation.folder / "packages.json";
    if (fs::exists(list)) {
        Json packages = parse_json(read_file(list), list.string());
        if (packages.value("known", true)) {
            one.packages = packages.value("packages", Json::array()).size();
            if (before.is_object()) {
                const Json changes = report::package_changes(before, packages);
                one.added = lines_of(changes.value("added", Json::array()));
                one.removed = lines_of(changes.value("removed", Json::array()));
                one.changed = lines_of(changes.value("changed", Json::array()));
            }
            before = std::move(packages);
        }
    }
    for (const char* const name : {"sbom.spdx.json", "sbom.cdx.json", "attestation.json"}) {
        if (fs::exists(generation.folder / name)) {
            const std::string document =
                fmt::format("{}-{}-{}", generation.image, generation.generation, name);
            files["files/" + document] = read_file(generation.folder / name);
            one.documents.push_back(document);
        }
    }
    return one;
}

}  // namespace

int write_report_site(const fs::path& directory, CommandContext& context) {
    const OpenStore open(context);
    const auto holders = open.store.all_holders();
    const BuildTimes times = build_times(context.places.runs());
    report::SiteFiles files;
    std::vector<report::SiteImage> images;
    for (const std::string& name : open.store.images()) {
        report::SiteImage image{.name = name};
        Json before;
        for (const store::Generation& generation : open.store.generations(name)) {
            const auto who = holders.find({name, generation.generation});
            image.generations.push_back(
                describe(generation, who == holders.end() ? std::vector<store::Holder>{} : who->second,
                         before, files));
            if (const auto time = times.find({name, generation.folder.filename().string()});
                time != times.end()) {
                image.generations.back().build_seconds = time->second;
            }
        }
        files[name + ".html"] = report::site_page(image);
        images.push_back(std::move(image));
    }
    files["index.html"] = report::site_index(images, iso_time(context.clock->wall_seconds()));
    report::write_site(directory, files);
    context.result(
        {{"path", fs::absolute(directory).string()}, {"images", images.size()}, {"files", files.size()}},
        fmt::format("{}: {} images, {} files; open index.html\n", directory.string(), images.size(),
                    files.size()));
    return 0;
}

}  // namespace imgforge::cli
