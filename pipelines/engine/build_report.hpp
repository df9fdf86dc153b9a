// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/engine/build_facts.hpp"
#include "pipelines/engine/plan.hpp"

namespace imgforge::engine {

/// What became of one stage of a build.
struct BuiltStage {
    PlannedStage plan;
    double seconds = 0;  ///< of this run; 0 when reused
    bool done = false;   ///< false: not reached
};

/// What became of a build.
struct BuildReport {
    std::string recipe;
    std::string run;  ///< id of the run: runs/ID
    std::filesystem::path run_folder;
    std::vector<BuiltStage> stages;
    BuildFacts facts{};                         ///< of all stages
    std::optional<std::filesystem::path> disk;  ///< top of the layers
};

/// The `build` record, and the text for people.
Json build_record(const BuildReport& report);
std::string build_text(const BuildReport& report);

/// record.json in the run's directory: the record with the run's state and, unless empty, its error.
void write_run_record(const BuildReport& report, std::string_view state, const std::string& error);

}  // namespace imgforge::engine
