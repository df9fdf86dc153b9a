// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/check_runner.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/log.hpp"
#include "builder/base/printable.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::provision {
namespace {

using std::chrono::milliseconds;

constexpr std::size_t output_bytes = 4000;
constexpr std::chrono::seconds port_look{10};

/// What a person needs of a long output: its end.
std::string shown(std::string_view text) {
    std::string clean = printable_lines(redact(text));
    while (!clean.empty() && (clean.back() == '\n' || clean.back() == ' ')) {
        clean.pop_back();
    }
    return clean.size() <= output_bytes ? clean : "[…]\n" + clean.substr(clean.size() - output_bytes);
}

/// Runs one check at a time.
class Checking {
public:
    explicit Checking(const CheckContext& context) : context_(context) {}

    std::vector<CheckResult> run(const Check& check) {
        log::debug("check: " + check.name);
        const auto started = context_.clock->now();
        std::vector<CheckResult> results =
            std::visit([&](const auto& what) { return look(check, what); }, check.what);
        for (CheckResult& result : results) {
            if (results.size() == 1) {
                result.seconds = std::chrono::duration<double>(context_.clock->now() - started).count();
            }
            result.name = redact(result.name);
            result.output = shown(result.output);
            log::debug(fmt::format("  {}: {}\n{}", result.ok ? "ok" : "FAILED", result.name, result.output));
        }
        return results;
    }

private:
    std::vector<CheckResult> look(const Check& check, const GuestCheck& what) {
        std::string output;
        const ProcessResult result =
            context_.shell->run(what.script, check.timeout, [&](std::string_view line, bool) {
                if (!failed_line(line)) {
                    output.append(line).append("\n");
                }
            });
        if (result.outcome == ProcessResult::Outcome::timed_out) {
            output += fmt::format("no end within {}\n", duration_text(check.timeout));
        } else if (result.code != 0) {
            output += fmt::format("exit code {}\n", result.code);
        }
        return {{.name = check.name, .ok = result.ok(), .output = output}};
    }

    /// A server may come up after SSH does: the port is asked until the check's deadline.
    std::vector<CheckResult> look(const Check& check, const PortCheck& what) {
        CheckResult result{.name = check.name};
        const auto place = context_.ports.find(what.port);
        if (place == context_.ports.end()) {
            result.output = "no way from this host to the clone's port";
            return {result};
        }
        const auto end =
            context_.clock->now() + std::min<milliseconds>(check.timeout, std::chrono::minutes(1));
        do {
            result.ok = port_answers(place->second.host, place->second.port, port_look, result.output,
                                     what.port, place->second.usernet);
            if (!result.ok) {
                context_.clock->sleep(std::chrono::seconds(1));
            }
        } while (!result.ok && context_.clock->now() < end);
        return {result};
    }

    std::vector<CheckResult> look(const Check& check, const TestinfraCheck& what) {
        const auto config = context_.folder / "ssh_config";
        const auto junit = context_.folder / "testinfra.xml";
        write_file_atomically(config, testinfra_ssh_config(context_.shell->target()), 0600);
        remove_tree(junit);
        ProcessSpec spec = testinfra_command(what.file, context_.shell->target(), config, junit);
        spec.timeout = std::max<milliseconds>(check.timeout, std::chrono::minutes(10));
        const ProcessResult result =
            context_.processes->run(spec, [](std::string_view line, bool) { log::debug(redact(line)); });
        std::error_code code;
        if (!std::filesystem::exists(junit, code)) {
            return {{.name = check.name, .output = result.out + result.err}};
        }
        std::vector<CheckResult> results = testinfra_results(read_file(junit), check.name);
        remove_tree(junit);
        if (results.empty()) {
            results.push_back({.name = check.name, .output = "the file has no tests"});
        } else if (!result.ok() &&
                   std::all_of(results.begin(), results.end(), [](const auto& one) { return one.ok; })) {
            results.push_back({.name = check.name, .output = result.out + result.err});
        }
        return results;
    }

    const CheckContext& context_;
};

}  // namespace

std::vector<CheckResult> run_checks(const std::vector<Check>& checks, const CheckContext& context) {
    std::vector<CheckResult> results;
    Activity activity(*context.monitor, "checks", context.activity);
    Checking checking(context);
    for (std::size_t i = 0; i < checks.size(); ++i) {
        activity.progress(static_cast<double>(i), static_cast<double>(checks.size()), "items",
                          redact(checks[i].name));
        for (CheckResult& result : checking.run(checks[i])) {
            results.push_back(std::move(result));
        }
    }
    activity.finish();
    return results;
}

}  // namespace imgforge::provision
