// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <deque>
#include <functional>
#include <string>
#include <vector>

#include "builder/base/process.hpp"

namespace imgforge::test {

/// Answers external programs from a script. An unexpected call gives "not found" and is remembered as a
/// error; calls that were expected but never came are reported by unused().
class FakeProcessRunner final : public ProcessRunner {
public:
    /// Expects `program` next (any order between different programs is fine) and answers `result`.
    void expect(std::string program, ProcessResult result, std::function<void(const ProcessSpec&)> look = {});
    ProcessResult run(const ProcessSpec& spec, const LineSink& on_line = {}) override;

    const std::vector<ProcessSpec>& calls() const { return calls_; }
    std::vector<std::string> unused() const;
    const std::vector<std::string>& unexpected() const { return unexpected_; }

private:
    struct Expected {
        std::string program;
        ProcessResult result;
        std::function<void(const ProcessSpec&)> look;
    };
    std::deque<Expected> expected_;
    std::vector<ProcessSpec> calls_;
    std::vector<std::string> unexpected_;
};

}  // namespace imgforge::test
