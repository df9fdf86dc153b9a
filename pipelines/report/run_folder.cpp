// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/report/run_folder.hpp"

#include <algorithm>
#include <map>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json_text.hpp"
#include "builder/base/redact.hpp"

namespace fs = std::filesystem;

namespace imgforge::report {
namespace {

constexpr std::size_t console_bytes = 6000;

std::optional<Json> json_of(const fs::path& file) {
    std::error_code code;
    if (!fs::exists(file, code)) {
        return std::nullopt;
    }
    return parse_json(read_file(file), file.string());
}

/// "20261121-084013-fixture-f362" -> "2026-11-21 08:40:13 UTC".
std::string start_of(const std::string& run) {
    if (run.size() < 15 || run[8] != '-') {
        return {};
    }
    return fmt::format("{}-{}-{} {}:{}:{} UTC", run.substr(0, 4), run.substr(4, 2), run.substr(6, 2),
                       run.substr(9, 2), run.substr(11, 2), run.substr(13, 2));
}

std::vector<StageLine> stage_lines(const Json& record, bool failed) {
    std::vector<StageLine> lines;
    double begin = 0;
    for (const Json& stage : record.value("stages", Json::array())) {
        StageLine line{.name = text_at(stage, "name"),
                       .type = text_at(stage, "type"),
                       .ran = text_at(stage, "verdict") == "run",
                       .reason = text_at(stage, "reason"),
                       .begin = begin,
                       .seconds = stage.value("seconds", 0.0)};
        begin += line.seconds;
        lines.push_back(std::move(line));
    }
    // The error names the stage: "in stage 'install' (my.recipe:13)".
    const std::string error = text_at(record, "error");
    for (StageLine& line : lines) {
        line.failed = failed && error.find(fmt::format("in stage '{}'", line.name)) != std::string::npos;
        // The record lists what was planned.
        line.reached = !failed || line.failed || !line.ran || line.seconds > 0;
    }
    return lines;
}

std::vector<ProgressPoint> progress_of(const fs::path& file) {
    std::vector<ProgressPoint> points;
    for (const Json& point : json_of(file).value_or(Json::array())) {
        if (point.is_object() && point.contains("second") && point["second"].is_number() &&
            point.contains("percent") && point["percent"].is_number()) {
            points.push_back(
                {.second = point["second"], .percent = point["percent"], .step = text_at(point, "step")});
        }
    }
    return points;
}

/// How the installation went on, the end of what it showed, and its screen.
void add_installer(const fs::path& folder, RunReport& report) {
    std::error_code code;
    report.install = progress_of(folder / "progress.json");
    if (fs::exists(folder / "screen.png", code)) {
        report.screenshot_png = read_file(folder / "screen.png", 8U << 20U);
    }
    if (fs::exists(folder / "console.txt", code)) {
        std::string text = read_file(folder / "console.txt");
        if (text.size() > console_bytes) {
            const std::size_t line = text.find('\n', text.size() - console_bytes);
            text.erase(0, line == std::string::npos ? text.size() - console_bytes : line + 1);
        }
        report.console_tail = redact(text);
    }
}

void add_checks(const Json& list, RunReport& report) {
    for (const Json& check : list.value("checks", Json::array())) {
        report.checks.push_back({.name = text_at(check, "name"),
                                 .ok = check.value("ok", false),
                                 .seconds = check.value("seconds", 0.0),
                                 .output = redact(text_at(check, "output"))});
    }
}

/// The record has all of them when the build ended well; a verify stage that failed left them in its
/// directory.
void find_checks(const fs::path& folder, const Json& record, RunReport& report) {
    if (record.contains("verify")) {
        add_checks(record["verify"], report);
    }
    for (const StageLine& stage : report.stages) {
        if (stage.type == "verify" && stage.failed) {
            add_checks(json_of(folder / stage.name / "checks.json").value_or(Json::object()), report);
        }
    }
}

void add_generation(const Json& record, RunReport& report) {
    const Json image = record.value("image", Json());
    const Json generation = record.value("generation", Json());
    if (!image.is_object() || !image.contains("path")) {
        return;
    }
    report.image = image;
    report.image["generation"] = generation;
    const fs::path folder = fs::path(text_at(image, "path")).parent_path();
    report.audit = json_of(folder / "audit.json").value_or(Json());
    if (!generation.is_number_integer()) {
        return;
    }
    const auto before =
        json_of(folder.parent_path() / std::to_string(generation.get<int>() - 1) / "packages.json");
    const auto after = json_of(folder / "packages.json");
    if (before && after) {
        report.packages = package_changes(*before, *after);
    }
}

double seconds_of(const std::vector<StageLine>& stages) {
    double seconds = 0;
    for (const StageLine& stage : stages) {
        seconds += stage.seconds;
    }
    return seconds;
}

/// The newest run of the same recipe before this one that ended well and made something: its seconds.
std::optional<double> last_seconds(const fs::path& folder, const std::string& recipe) {
    std::vector<fs::path> earlier;
    std::error_code code;
    // Names begin with the time.
    for (const auto& entry : fs::directory_iterator(folder.parent_path(), code)) {
        if (entry.path().filename() < folder.filename() &&
            entry.path().filename().string().find("-" + recipe + "-") != std::string::npos) {
            earlier.push_back(entry.path());
        }
    }
    std::sort(earlier.rbegin(), earlier.rend());
    for (const fs::path& one : earlier) {
        const Json record = json_of(one / "record.json").value_or(Json());
        const bool well = record.is_object() && text_at(record, "recipe") == recipe &&
                          text_at(record, "state") != "failed" && text_at(record, "error").empty();
        if (const double seconds = well ? seconds_of(stage_lines(record, false)) : 0; seconds > 0) {
            return seconds;
        }
    }
    return std::nullopt;
}

}  // namespace

Json package_changes(const Json& before, const Json& after) {
    const auto versions = [](const Json& list) {
        std::map<std::string, std::string> out;
        for (const Json& package : list.value("packages", Json::array())) {
            const std::string architecture = text_at(package, "architecture");
            out[text_at(package, "name") + (architecture.empty() ? "" : ":" + architecture)] =
                text_at(package, "version");
        }
        return out;
    };
    const auto old_versions = versions(before);
    const auto new_versions = versions(after);
    Json changes{{"added", Json::array()}, {"removed", Json::array()}, {"changed", Json::array()}};
    for (const auto& [name, version] : new_versions) {
        const auto was = old_versions.find(name);
        if (was == old_versions.end()) {
            changes["added"].push_back(name + " " + version);
        } else if (was->second != version) {
            changes["changed"].push_back(fmt::format("{} {} → {}", name, was->second, version));
        }
    }
    for (const auto& [name, version] : old_versions) {
        if (!new_versions.contains(name)) {
            changes["removed"].push_back(name + " " + version);
        }
    }
    return changes;
}

RunReport read_run(const fs::path& folder) {
    const auto record = json_of(folder / "record.json");
    if (!record || !record->is_object()) {
        throw Error(Failure::recipe, fmt::format("{} holds no record of a run", folder.string()),
                    "a run that still goes on, or was killed, has none yet");
    }
    const bool ok = text_at(*record, "state") != "failed" && text_at(*record, "error").empty();
    RunReport report{.recipe = text_at(*record, "recipe"),
                     .run = text_at(*record, "run"),
                     .started = start_of(text_at(*record, "run")),
                     .ok = ok,
                     .failure = redact(text_at(*record, "error")),
                     .stages = stage_lines(*record, !ok)};
    add_installer(folder / "install", report);
    find_checks(folder, *record, report);
    add_generation(*record, report);
    if (report.ok) {
        report.last_seconds = last_seconds(folder, report.recipe);
    }
    return report;
}

fs::path newest_run(const fs::path& runs) {
    fs::path newest;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(runs, code)) {
        // The names begin with the time, so that the greatest is the newest.
        if (fs::exists(entry.path() / "record.json", code) && entry.path().filename() > newest.filename()) {
            newest = entry.path();
        }
    }
    if (newest.empty()) {
        throw Error(Failure::usage, fmt::format("no finished run in {}", runs.string()),
                    "imgforge build RECIPE");
    }
    return newest;
}

}  // namespace imgforge::report
