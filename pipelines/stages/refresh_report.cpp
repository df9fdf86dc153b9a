// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/refresh_report.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::stages {
namespace {

std::size_t count(const std::vector<RefreshResult>& results, RefreshOutcome outcome) {
    return static_cast<std::size_t>(
        std::count_if(results.begin(), results.end(),
                      [&](const RefreshResult& result) { return result.outcome == outcome; }));
}

std::string totals(const std::vector<RefreshResult>& results) {
    std::string text =
        fmt::format("{} published, {} unchanged, {} failed", count(results, RefreshOutcome::published),
                    count(results, RefreshOutcome::unchanged), count(results, RefreshOutcome::failed));
    return count(results, RefreshOutcome::planned) > 0
               ? fmt::format("{}, {} planned", text, count(results, RefreshOutcome::planned))
               : text;
}

std::string generations(const RefreshResult& result) {
    const auto label = [](int number) {
        return number == 0 ? std::string("none") : fmt::format("@{}", number);
    };
    return result.before == result.after ? label(result.after)
                                         : label(result.before) + " -> " + label(result.after);
}

std::string first_line(const std::string& text) {
    return text.substr(0, text.find('\n'));
}

/// One that cannot even be decided about has work, too: its job fails and says why.
bool has_work(const RefreshResult& result) {
    return result.action != RefreshAction::nothing || result.outcome == RefreshOutcome::failed;
}

std::string why_listed(const RefreshResult& result) {
    return result.outcome == RefreshOutcome::failed ? first_line(redact(result.error)) : result.reason;
}

/// A label value of the Prometheus text format: backslash, quote and newline escaped. Image names have none
/// of them.
std::string metric(const char* name, const RefreshResult& result, double value) {
    return fmt::format("{}{{image=\"{}\"}} {}\n", name, result.image, value);
}

}  // namespace

Json refresh_record(const std::vector<RefreshResult>& results) {
    Json images = Json::array();
    for (const RefreshResult& result : results) {
        Json entry = {{"name", result.image},
                      {"action", to_string(result.action)},
                      {"reason", result.reason},
                      {"outcome", std::string(to_string(result.outcome))},
                      {"before", result.before == 0 ? Json() : Json(result.before)},
                      {"after", result.after == 0 ? Json() : Json(result.after)},
                      {"seconds", result.seconds}};
        if (!result.error.empty()) {
            entry["error"] = redact(result.error);
            entry["kind"] = std::string(to_string(result.kind));
        }
        if (!result.run_folder.empty()) {
            entry["run_folder"] = result.run_folder;
        }
        if (!result.changes.empty()) {
            entry["changes"] = result.changes;
        }
        images.push_back(std::move(entry));
    }
    return {{"images", images},
            {"published", count(results, RefreshOutcome::published)},
            {"unchanged", count(results, RefreshOutcome::unchanged)},
            {"failed", count(results, RefreshOutcome::failed)}};
}

std::string refresh_text(const std::vector<RefreshResult>& results) {
    std::string text;
    for (const RefreshResult& result : results) {
        const std::string why = result.outcome == RefreshOutcome::failed
                                    ? first_line(redact(result.error))
                                    : fmt::format("{}: {}", to_string(result.action), result.reason);
        text += fmt::format("{:<20} {:<10} {:<12} {}\n", result.image, to_string(result.outcome),
                            generations(result), why);
    }
    return results.empty() ? "no golden images to refresh\n" : text + totals(results) + "\n";
}

Json refresh_list_record(const std::vector<RefreshResult>& results) {
    Json images = Json::array();
    for (const RefreshResult& result : results) {
        if (has_work(result)) {
            images.push_back({{"name", result.image},
                              {"action", to_string(result.action)},
                              {"cost",
                               {{"memory", result.cost.memory.in_bytes()},
                                {"cpus", result.cost.cpus},
                                {"disk", result.cost.disk.in_bytes()}}},
                              {"why", why_listed(result)}});
        }
    }
    return {{"images", std::move(images)}};
}

std::string refresh_list_text(const std::vector<RefreshResult>& results) {
    std::string text;
    for (const RefreshResult& result : results) {
        if (has_work(result)) {
            text += fmt::format("{:<20} {:<8} {} CPUs, {}: {}\n", result.image, to_string(result.action),
                                result.cost.cpus, result.cost.memory.text(), why_listed(result));
        }
    }
    return text.empty() ? "nothing to do\n" : text;
}

std::string refresh_mail(const std::vector<RefreshResult>& results, const std::string& host) {
    std::string text =
        fmt::format("imgforge refresh on {}: {}\n\n{}", host, totals(results), refresh_text(results));
    for (const RefreshResult& result : results) {
        if (!result.changes_text.empty()) {
            text += "\n" + result.changes_text;
        }
        if (result.outcome == RefreshOutcome::failed) {
            text += fmt::format("\n{} failed; in service: {}\n{}\n", result.image, generations(result),
                                redact(result.error));
        }
    }
    return text;
}

std::string refresh_metrics(const std::vector<RefreshResult>& results, std::int64_t now) {
    std::string text =
        "# HELP imgforge_refresh_failed 1 when the last refresh of the image failed.\n# TYPE "
        "imgforge_refresh_failed gauge\n";
    for (const RefreshResult& result : results) {
        text += metric("imgforge_refresh_failed", result, result.outcome == RefreshOutcome::failed ? 1 : 0);
    }
    text +=
        "# HELP imgforge_refresh_published 1 when the last refresh published a generation.\n# TYPE "
        "imgforge_refresh_published gauge\n";
    for (const RefreshResult& result : results) {
        text +=
            metric("imgforge_refresh_published", result, result.outcome == RefreshOutcome::published ? 1 : 0);
    }
    text += "# HELP imgforge_generation Generation in service.\n# TYPE imgforge_generation gauge\n";
    for (const RefreshResult& result : results) {
        text += metric("imgforge_generation", result, result.after);
    }
    text +=
        "# HELP imgforge_refresh_seconds How long the last refresh took.\n# TYPE imgforge_refresh_seconds "
        "gauge\n";
    for (const RefreshResult& result : results) {
        text += metric("imgforge_refresh_seconds", result, result.seconds);
    }
    return text +
           "# HELP imgforge_refresh_last_run_timestamp_seconds When refresh ended.\n"
           "# TYPE imgforge_refresh_last_run_timestamp_seconds gauge\n" +
           fmt::format("imgforge_refresh_last_run_timestamp_seconds {}\n", now);
}

bool notify(const NotifySetting& setting, const std::vector<RefreshResult>& results, const std::string& host,
            ProcessRunner& processes, Monitor& monitor) {
    const bool failed = count(results, RefreshOutcome::failed) > 0;
    const bool changed = count(results, RefreshOutcome::published) > 0;
    const bool wanted = setting.always || (failed && setting.on_failure) || (changed && setting.on_change);
    if (setting.command.empty() || !wanted) {
        return false;
    }
    const std::vector<std::string>& command = setting.command;
    const ProcessSpec spec{.program = command.front(),
                           .args = {command.begin() + 1, command.end()},
                           .env = {{"IMGFORGE_RESULT", failed    ? "failed"
                                                       : changed ? "changed"
                                                                 : "unchanged"}},
                           .stdin_text = refresh_mail(results, host),
                           .timeout = std::chrono::minutes(2)};
    const ProcessResult result = processes.run(spec);
    if (!result.ok()) {
        monitor.warning("the notify command failed: " + process_error(spec, result).message());
    }
    return true;
}

}  // namespace imgforge::stages
