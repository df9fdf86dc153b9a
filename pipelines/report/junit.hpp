// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "pipelines/report/report.hpp"

namespace imgforge::report {

/// How every file starts: tells one of ours from other files.
inline constexpr std::string_view junit_start =
    "<?xml version=\"1.0\" encoding=\"UTF-8\"?>\n<testsuites name=\"imgforge\"";

/// JUnit XML as CI systems read it (the schema of Jenkins' xUnit plugin): per run a suite of its stages and
/// one of the checks of each verify stage. A failed check is a failure, a failed stage an error; what the
/// cache served or what was not reached is skipped.
std::string junit_xml(const std::vector<RunReport>& runs);

}  // namespace imgforge::report
