// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/fake_process_runner.hpp"

#include <algorithm>
#include <sstream>

namespace imgforge::test {

void FakeProcessRunner::expect(std::string program, ProcessResult result,
                               std::function<void(const ProcessSpec&)> look) {
    expected_.push_back({std::move(program), std::move(result), std::move(look)});
}

ProcessResult FakeProcessRunner::run(const ProcessSpec& spec, const LineSink& on_line) {
    calls_.push_back(spec);
    const auto found = std::find_if(expected_.begin(), expected_.end(),
                                    [&](const Expected& e) { return e.program == spec.program; });
    if (found == expected_.end()) {
        unexpected_.push_back(paste_line(spec));
        return {.outcome = ProcessResult::Outcome::not_found};
    }
    const Expected expected = *found;
    expected_.erase(found);
    if (expected.look) {
        expected.look(spec);
    }
    std::istringstream lines(expected.result.out);
    for (std::string line; on_line && std::getline(lines, line);) {
        on_line(line, false);
    }
    return expected.result;
}

std::vector<std::string> FakeProcessRunner::unused() const {
    std::vector<std::string> names;
    for (const Expected& e : expected_) {
        names.push_back(e.program);
    }
    return names;
}

}  // namespace imgforge::test
