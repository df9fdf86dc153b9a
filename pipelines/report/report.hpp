// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::report {

/// One stage of a run, as the timeline shows it.
struct StageLine {
    std::string name;
    std::string type;
    bool ran = false;  ///< false: the cached result served
    bool failed = false;
    bool reached = true;  ///< false: the build ended before it
    std::string reason;   ///< why it ran or was reused
    double begin = 0;     ///< seconds after the start of the run
    double seconds = 0;
};

/// A point of the installer's progress.
struct ProgressPoint {
    double second = 0;   ///< after the start of the stage
    double percent = 0;  ///< 0 to 100
    std::string step;
};

/// A check of a verify stage.
struct CheckLine {
    std::string name;
    bool ok = false;
    double seconds = 0;
    std::string output;
};

/// All a page shows. Every text may come from a guest: the page escapes it.
struct RunReport {
    std::string recipe;
    std::string run;
    std::string started;  ///< ISO 8601
    bool ok = false;
    std::string failure;  ///< message and hint, redacted
    std::vector<StageLine> stages;
    std::vector<ProgressPoint> install;
    std::vector<CheckLine> checks{};            ///< of all verify stages, in their order
    std::optional<std::string> screenshot_png;  ///< bytes of a PNG
    Json image = Json();                        ///< the `image` of the build record with `generation`
    Json packages = Json();                     ///< `{added, removed, changed}` against the generation before
    Json audit = Json();                        ///< the audit record
    std::optional<double> last_seconds{};       ///< of the run of this recipe before that ended well
    std::string console_tail;
};

/// How every page starts: tells a page of ours from other files.
inline constexpr std::string_view page_start =
    "<!doctype html><html lang=en><meta charset=utf-8><meta name=generator content=imgforge>";

/// What whoever only wants to know "and?" reads: the image, its size, time against the last time, what
/// changed, audit, checks and proof, as a list of HTML.
std::string summary(const RunReport& report);

/// One self-contained page: no scripts, no fetches, readable without colour and in print.
std::string html(const RunReport& report);

}  // namespace imgforge::report
