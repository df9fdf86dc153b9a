// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>
#include <array>
#include <chrono>
#include <map>
#include <utility>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/byte_size.hpp"
#include "builder/base/clock.hpp"
#include "pipelines/report/markup.hpp"
#include "pipelines/report/report.hpp"

namespace imgforge::report {
namespace {

/// A stage's name as far as it fits beside the bars.
std::string fitting(const std::string& name) {
    constexpr std::size_t most = 18;
    return name.size() > most ? name.substr(0, most - 1) + "…" : name;
}

/// A part that can be folded away, with its heading.
std::string section(std::string_view title, const std::string& body, bool open) {
    return fmt::format("<details{}><summary><h2>{}</h2></summary>{}</details>", open ? " open" : "", title,
                       body);
}

/// Bars on one time axis: what ran in colour, what was reused as a mark.
std::string timeline(const std::vector<StageLine>& stages) {
    double end = 1;
    for (const StageLine& stage : stages) {
        end = std::max(end, stage.begin + stage.seconds);
    }
    constexpr int row = 26;
    constexpr double left = 130;
    constexpr double width = 700;
    std::string svg = fmt::format(
        "<div class=wide><svg viewBox=\"0 0 960 {}\" role=\"img\" aria-label=\"timeline of the stages\">",
        static_cast<int>(stages.size()) * row + 24);
    double y = 4;
    for (const StageLine& stage : stages) {
        const double x = left + width * stage.begin / end;
        const double w = std::max(3.0, width * stage.seconds / end);
        const char* const colour = stage.failed ? "--bad" : stage.ran && stage.reached ? "--ran" : "--cached";
        svg += fmt::format(
            "<text x=\"0\" y=\"{:.0f}\"><title>{}</title>{}</text><rect x=\"{:.1f}\" y=\"{:.0f}\" "
            "width=\"{:.1f}\" height=\"16\" rx=\"3\" "
            "fill=\"var({})\"/>",
            y + 13, escape(stage.name), escape(fitting(stage.name)), x, y, w, colour);
        svg += fmt::format("<text x=\"{:.1f}\" y=\"{:.0f}\">{}</text>", x + w + 6, y + 13,
                           !stage.reached ? std::string("not run")
                           : stage.ran    ? seconds_text(stage.seconds) + (stage.failed ? " failed" : "")
                                          : std::string("cached"));
        y += row;
    }
    return svg + fmt::format(
                     "<text x=\"{:.0f}\" y=\"{:.0f}\">0</text><text x=\"{:.0f}\" y=\"{:.0f}\" "
                     "text-anchor=\"end\">{}</text></svg></div>",
                     left, y + 13, left + width, y + 13, seconds_text(end));
}

std::string stage_table(const std::vector<StageLine>& stages) {
    std::string rows =
        "<div class=wide><table><tr><th>stage</th><th>result</th><th class=n>time</th><th>why</th></tr>";
    for (const StageLine& stage : stages) {
        const std::string type =
            stage.type == stage.name ? "" : fmt::format(" <span class=sub>({})</span>", escape(stage.type));
        rows += fmt::format("<tr><td>{}{}</td><td>{}</td><td class=n>{}</td><td>{}</td></tr>",
                            escape(stage.name), type,
                            stage.failed     ? "<span class=bad>failed</span>"
                            : !stage.reached ? "<span class=sub>not run</span>"
                            : stage.ran      ? "ran"
                                             : "cached",
                            stage.ran && stage.reached ? seconds_text(stage.seconds) : "–",
                            stage.reached ? escape(stage.reason) : "");
    }
    return rows + "</table></div>";
}

/// Percent over time, with the first mention of each installer step.
std::string install_chart(const std::vector<ProgressPoint>& points) {
    const double end = std::max(1.0, points.back().second);
    const auto x = [&](double second) { return 40 + 880 * second / end; };
    const auto y = [](double percent) { return 200 - 1.8 * percent; };
    std::string line;
    std::string marks;
    std::string rows;
    std::string step;
    for (const ProgressPoint& point : points) {
        line += fmt::format("{:.1f},{:.1f} ", x(point.second), y(point.percent));
        if (!point.step.empty() && point.step != step) {
            step = point.step;
            marks += fmt::format(
                "<circle cx=\"{:.1f}\" cy=\"{:.1f}\" r=\"3\" fill=\"var(--ran)\"><title>{} at "
                "{}</title></circle>",
                x(point.second), y(point.percent), escape(step), seconds_text(point.second));
            rows += fmt::format("<tr><td class=n>{}</td><td class=n>{:.0f}%</td><td>{}</td></tr>",
                                seconds_text(point.second), point.percent, escape(step));
        }
    }
    return fmt::format(
        "<div class=wide><svg viewBox=\"0 0 960 230\" role=\"img\" aria-label=\"progress of the "
        "installation\"><text x=\"0\" "
        "y=\"24\">100%</text><text "
        "x=\"14\" y=\"204\">0%</text>"
        "<polyline points=\"{}\" fill=\"none\" stroke=\"var(--ran)\" stroke-width=\"2\"/>{}<text x=\"40\" "
        "y=\"222\">0</text>"
        "<text x=\"920\" y=\"222\" text-anchor=\"end\">{}</text></svg></div>"
        "<table style=\"width:auto\"><tr><th class=n>after</th><th "
        "class=n>done</th><th>step</th></tr>{}</table>",
        line, marks, seconds_text(end), rows);
}

std::string plain(const Json& value) {
    return escape(value.is_string() ? value.get<std::string>()
                                    : value.dump(-1, ' ', false, Json::error_handler_t::replace));
}

std::string image_section(const Json& image) {
    std::string rows = "<h2>Image</h2><table>";
    for (const auto& item : image.items()) {
        const bool size = item.key().ends_with("_size") && item.value().is_number_unsigned();
        rows += fmt::format(
            "<tr><td>{}</td><td><code>{}</code></td></tr>", escape(item.key()),
            size ? ByteSize::bytes(item.value().get<std::uint64_t>()).text() : plain(item.value()));
    }
    return rows + "</table>";
}

std::string package_section(const Json& packages) {
    std::string text;
    std::size_t count = 0;
    for (const char* kind : {"added", "removed", "changed"}) {
        if (!packages.contains(kind) || packages[kind].empty()) {
            continue;
        }
        count += packages[kind].size();
        text += fmt::format("<p><b>{}</b> ({})</p><ul>", kind, packages[kind].size());
        for (const auto& item : packages[kind].items()) {
            text += "<li>" + plain(item.value()) + "</li>";
        }
        text += "</ul>";
    }
    return section("Packages against the generation before", count == 0 ? "<p>the same</p>" : text,
                   count <= 60);
}

std::string check_section(const std::vector<CheckLine>& checks) {
    std::string text =
        "<h2>Checks</h2><div "
        "class=wide><table><tr><th>check</th><th>result</th><th>seconds</th><th>output</th></tr>";
    for (const CheckLine& check : checks) {
        text +=
            fmt::format("<tr><td>{}</td><td class={}>{}</td><td>{:.1f}</td><td>{}</td></tr>",
                        escape(check.name), check.ok ? "ok" : "bad", check.ok ? "passed" : "failed",
                        check.seconds, check.output.empty() ? "" : "<pre>" + escape(check.output) + "</pre>");
    }
    return text + "</table></div>";
}

std::string audit_section(const Json& audit) {
    const bool clean = audit.value("clean", false);
    std::string text =
        fmt::format("<h2>Audit</h2><p class={}>{}</p>", clean ? "ok" : "bad",
                    clean ? "clean: nothing of the template's identity was found" : "leftovers were found");
    if (!audit.contains("findings") || audit["findings"].empty()) {
        return text;
    }
    // One row for all places of a rule in a file: a hash is found in its content, and again in the blocks of
    // the disk.
    std::vector<std::pair<std::array<std::string, 3>, std::map<std::string, int>>> rows;
    for (const Json& finding : audit["findings"]) {
        const auto field = [&](const char* name) {
            return finding.contains(name) && !finding[name].is_null() ? plain(finding[name]) : std::string();
        };
        const std::array<std::string, 3> key{field("rule"), field("path"),
                                             finding.value("waived", false) ? field("reason") : "no"};
        const auto same =
            std::find_if(rows.begin(), rows.end(), [&](const auto& row) { return row.first == key; });
        auto& row = same == rows.end() ? rows.emplace_back(key, std::map<std::string, int>()) : *same;
        ++row.second[field("layer")];
    }
    text += "<div class=wide><table><tr><th>rule</th><th>where</th><th>layer</th><th>waived</th></tr>";
    for (const auto& [key, layers] : rows) {
        std::string where;
        for (const auto& [layer, count] : layers) {
            where += fmt::format("{}{}{}", where.empty() ? "" : ", ", layer,
                                 count > 1 ? fmt::format(" ({})", count) : "");
        }
        text += fmt::format("<tr><td>{}</td><td>{}</td><td>{}</td><td>{}</td></tr>", key[0], key[1], where,
                            key[2]);
    }
    return text + "</table></div>";
}

}  // namespace

std::string html(const RunReport& report) {
    std::string page =
        fmt::format("{}<h1>{}</h1><p class=sub>run {} · started {} · <span class={}>{}</span></p>",
                    page_head(report.recipe), escape(report.recipe), escape(report.run),
                    escape(report.started), report.ok ? "ok" : "bad", report.ok ? "succeeded" : "failed");
    if (!report.failure.empty()) {
        page += "<pre class=said>" + escape(report.failure) + "</pre>";
    }
    page += summary(report);
    if (!report.stages.empty()) {
        page += "<h2>Stages</h2>" + timeline(report.stages) + stage_table(report.stages);
    }
    if (report.install.size() > 1) {
        page += "<h2>Installation</h2>" + install_chart(report.install);
    }
    if (report.screenshot_png) {
        page +=
            "<h2>Screen at the end</h2><img alt=\"screenshot of the installer\" "
            "src=\"data:image/png;base64," +
            base64_encode(*report.screenshot_png) + "\">";
    }
    page += report.checks.empty() ? "" : check_section(report.checks);
    page += report.image.is_object() ? image_section(report.image) : "";
    page += report.audit.is_object() ? audit_section(report.audit) : "";
    page += report.packages.is_object() ? package_section(report.packages) : "";
    if (!report.console_tail.empty()) {
        page += section("Console", "<pre>" + escape(report.console_tail) + "</pre>", !report.ok);
    }
    return page + "</html>\n";
}

}  // namespace imgforge::report
