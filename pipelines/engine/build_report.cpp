// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/build_report.hpp"

#include <cmath>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/file.hpp"

namespace imgforge::engine {

Json build_record(const BuildReport& report) {
    std::vector<PlannedStage> plan;
    for (const BuiltStage& stage : report.stages) {
        plan.push_back(stage.plan);
    }
    Json record = plan_record(report.recipe, plan);
    for (std::size_t i = 0; i < report.stages.size(); ++i) {
        record["stages"][i]["seconds"] = std::round(report.stages[i].seconds * 1000) / 1000;
    }
    record["run"] = report.run;
    record["generation"] = generation_json(report.facts);
    record["image"] = image_json(report.facts);
    if (report.facts.verify) {
        record["verify"] = verify_json(*report.facts.verify);
    }
    if (!report.facts.exports.empty()) {
        record["files"] = exports_json(report.facts);
    }
    return record;
}

std::string build_text(const BuildReport& report) {
    std::size_t ran = 0;
    double seconds = 0;
    std::string text;
    for (const BuiltStage& stage : report.stages) {
        const bool run = stage.plan.verdict == PlannedStage::Verdict::run;
        ran += run ? 1U : 0U;
        seconds += stage.seconds;
        text += fmt::format(
            "{:<12} {:<7} {}\n", stage.plan.name,
            run ? duration_text(std::chrono::milliseconds(static_cast<std::int64_t>(stage.seconds * 1000)))
                : "cached",
            stage.plan.reason);
    }
    const auto took = std::chrono::milliseconds(static_cast<std::int64_t>(seconds * 1000));
    text += ran == 0 ? fmt::format("{}: nothing changed, no stage ran\n", report.recipe)
                     : fmt::format("{}: {} of {} stages ran in {}\n", report.recipe, ran,
                                   report.stages.size(), duration_text(took));
    if (const auto& verify = report.facts.verify) {
        text += fmt::format("{} checks passed\n", verify->checks.size());
    }
    for (const ExportedFile& file : report.facts.exports) {
        text += fmt::format("exported {}\n", file.path.string());
    }
    if (const auto& published = report.facts.published) {
        text += fmt::format("generation {} of {}\n{}\n", published->generation, report.recipe,
                            published->disk.string());
    } else if (report.disk) {
        text += fmt::format("disk: {} (a cached layer; add a publish stage to make a golden image)\n",
                            report.disk->string());
    }
    return text;
}

void write_run_record(const BuildReport& report, std::string_view state, const std::string& error) {
    Json record = build_record(report);
    record["state"] = std::string(state);
    if (!error.empty()) {
        record["error"] = error;
    }
    write_file_atomically(report.run_folder / "record.json", pretty(record), 0600);
}

}  // namespace imgforge::engine
