// SPDX-License-Identifier: GPL-3.0-or-later
// The few lines at the top of a build's page.
#include <algorithm>
#include <cmath>

#include <fmt/format.h>

#include "builder/base/byte_size.hpp"
#include "builder/base/json_text.hpp"
#include "pipelines/report/markup.hpp"
#include "pipelines/report/report.hpp"

namespace imgforge::report {
namespace {

std::string row(const char* what, const std::string& text, const char* look = "") {
    return text.empty() ? std::string()
                        : fmt::format("<dt>{}</dt><dd{}{}>{}</dd>", what, *look == 0 ? "" : " class=", look,
                                      escape(text));
}

std::string image_text(const RunReport& report) {
    const Json& image = report.image;
    if (!image.is_object()) {
        return {};
    }
    const Json generation = image.value("generation", Json());
    std::string text = text_at(image, "name").empty() ? report.recipe : text_at(image, "name");
    if (generation.is_number_integer()) {
        text += fmt::format("@{}", generation.get<int>());
    }
    const auto size = [&](const char* key) {
        return image.contains(key) && image[key].is_number_unsigned()
                   ? ByteSize::bytes(image[key].get<std::uint64_t>()).text()
                   : std::string();
    };
    const std::string stored = size("allocated_size");
    const std::string whole = size("virtual_size");
    return text + (stored.empty() ? "" : " · " + stored + " stored") +
           (whole.empty() ? "" : (stored.empty() ? " · " : " of ") + whole);
}

std::string time_text(const RunReport& report) {
    double seconds = 0;
    for (const StageLine& stage : report.stages) {
        seconds = std::max(seconds, stage.begin + stage.seconds);
    }
    if (seconds <= 0) {
        return {};
    }
    if (!report.ok || !report.last_seconds) {
        return seconds_text(seconds);
    }
    const double more = seconds - *report.last_seconds;
    return std::abs(more) < 1 ? seconds_text(seconds) + ", as the last time"
                              : fmt::format("{}, {} {} than the last time", seconds_text(seconds),
                                            seconds_text(std::abs(more)), more > 0 ? "longer" : "shorter");
}

std::string change_text(const Json& packages) {
    if (!packages.is_object()) {
        return {};
    }
    std::string text;
    for (const char* kind : {"added", "removed", "changed"}) {
        const std::size_t count = packages.value(kind, Json::array()).size();
        if (count > 0) {
            text += fmt::format("{}{} {}", text.empty() ? "" : ", ", count, kind);
        }
    }
    return text.empty() ? "no package" : "packages: " + text;
}

std::string audit_text(const Json& audit) {
    const Json findings = audit.value("findings", Json::array());
    const auto waived = std::count_if(findings.begin(), findings.end(),
                                      [](const Json& one) { return one.value("waived", false); });
    const std::string excused = waived > 0 ? fmt::format("waived with a reason: {}", waived) : "";
    if (audit.value("clean", false)) {
        return "clean" + (excused.empty() ? "" : ", " + excused);
    }
    return fmt::format("leftovers: {}", static_cast<std::ptrdiff_t>(findings.size()) - waived);
}

std::string check_rows(const RunReport& report) {
    if (report.checks.empty()) {
        return {};
    }
    const auto passed = static_cast<std::size_t>(std::count_if(report.checks.begin(), report.checks.end(),
                                                               [](const CheckLine& one) { return one.ok; }));
    return row("checks", fmt::format("{} of {} passed", passed, report.checks.size()),
               passed == report.checks.size() ? "ok" : "bad");
}

/// The stage `spawn` boots clones and compares them.
std::string proof_row(const RunReport& report) {
    const auto proof = std::find_if(report.stages.begin(), report.stages.end(),
                                    [](const StageLine& stage) { return stage.type == "spawn"; });
    if (proof == report.stages.end()) {
        return {};
    }
    return proof->failed     ? row("proof", "failed", "bad")
           : !proof->reached ? row("proof", "not run", "sub")
                             : row("proof", "clones were logged in to and differ", "ok");
}

}  // namespace

std::string summary(const RunReport& report) {
    const std::string rows =
        row("image", image_text(report)) + row("time", time_text(report)) +
        row("changed", change_text(report.packages)) +
        (report.audit.is_object()
             ? row("audit", audit_text(report.audit), report.audit.value("clean", false) ? "ok" : "bad")
             : "") +
        check_rows(report) + proof_row(report);
    return rows.empty() ? "" : "<dl>" + rows + "</dl>";
}

}  // namespace imgforge::report
