// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/report/junit.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/printable.hpp"
#include "pipelines/report/markup.hpp"

namespace imgforge::report {
namespace {

/// Text and attribute values. Control characters have no place in XML 1.0, not even as references.
std::string xml_text(const std::string& raw) {
    std::string text;
    for (const char c : escape(printable_lines(raw))) {
        text += c == '\n' ? "&#10;" : std::string(1, c);
    }
    return text;
}

/// One test case as it is counted and written.
struct Case {
    std::string name;
    double seconds = 0;
    enum class Kind { passed, failure, error, skipped } kind = Kind::passed;
    std::string message{};
    std::string text{};
};

std::string case_xml(const std::string& suite, const Case& one) {
    const std::string head = fmt::format("    <testcase classname=\"{}\" name=\"{}\" time=\"{:.3f}\"",
                                         xml_text(suite), xml_text(one.name), one.seconds);
    const std::string message = xml_text(one.message);
    switch (one.kind) {
        case Case::Kind::failure:
        case Case::Kind::error: {
            const char* const tag = one.kind == Case::Kind::failure ? "failure" : "error";
            return fmt::format("{}>\n      <{} message=\"{}\">{}</{}>\n    </testcase>\n", head, tag, message,
                               xml_text(one.text), tag);
        }
        case Case::Kind::skipped:
            return fmt::format("{}>\n      <skipped message=\"{}\"/>\n    </testcase>\n", head, message);
        case Case::Kind::passed: break;
    }
    return one.text.empty() ? head + "/>\n"
                            : fmt::format("{}>\n      <system-out>{}</system-out>\n    </testcase>\n", head,
                                          xml_text(one.text));
}

std::string counts(const std::vector<Case>& cases) {
    const auto count = [&](Case::Kind kind) {
        return std::count_if(cases.begin(), cases.end(),
                             [kind](const Case& one) { return one.kind == kind; });
    };
    double seconds = 0;
    for (const Case& one : cases) {
        seconds += one.seconds;
    }
    return fmt::format("tests=\"{}\" failures=\"{}\" errors=\"{}\" skipped=\"{}\" time=\"{:.3f}\"",
                       cases.size(), count(Case::Kind::failure), count(Case::Kind::error),
                       count(Case::Kind::skipped), seconds);
}

std::vector<Case> stage_cases(const RunReport& run) {
    std::vector<Case> cases;
    bool reached = true;
    for (const StageLine& stage : run.stages) {
        Case one{.name = stage.name, .seconds = stage.seconds};
        if (!reached) {
            one.kind = Case::Kind::skipped;
            one.message = "not reached";
        } else if (stage.failed) {
            one.kind = Case::Kind::error;
            one.message = run.failure.substr(0, run.failure.find('\n'));
            one.text = run.failure;
            reached = false;
        } else if (!stage.ran) {
            one.kind = Case::Kind::skipped;
            one.message = "cached";
        }
        cases.push_back(std::move(one));
    }
    if (!run.ok && reached) {  // no stage's error: planning, a lock, the promotion
        cases.push_back({.name = "build",
                         .kind = Case::Kind::error,
                         .message = run.failure.substr(0, run.failure.find('\n')),
                         .text = run.failure});
    }
    return cases;
}

std::vector<Case> check_cases(const RunReport& run) {
    std::vector<Case> cases;
    for (const CheckLine& check : run.checks) {
        const std::string& out = check.output;
        // The last line says how it ended.
        const std::size_t before = out.empty() ? std::string::npos : out.find_last_of('\n');
        cases.push_back({.name = check.name,
                         .seconds = check.seconds,
                         .kind = check.ok ? Case::Kind::passed : Case::Kind::failure,
                         .message = check.ok ? "" : out.substr(before == std::string::npos ? 0 : before + 1),
                         .text = out});
    }
    return cases;
}

}  // namespace

std::string junit_xml(const std::vector<RunReport>& runs) {
    std::vector<Case> all;
    std::string suites;
    for (const RunReport& run : runs) {
        for (const auto& [part, cases] :
             {std::pair("stages", stage_cases(run)), std::pair("verify", check_cases(run))}) {
            if (cases.empty()) {
                continue;
            }
            const std::string suite = run.recipe + "." + part;
            suites += fmt::format("  <testsuite name=\"{}\" {}>\n", xml_text(suite), counts(cases));
            for (const Case& one : cases) {
                suites += case_xml(suite, one);
                all.push_back(one);
            }
            suites += "  </testsuite>\n";
        }
    }
    return fmt::format("{} {}>\n{}</testsuites>\n", junit_start, counts(all), suites);
}

}  // namespace imgforge::report
