// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "pipelines/report/report.hpp"

namespace imgforge::report {

/// Writes the page as OutputFile says. A page that was written earlier may be written again, and an empty
/// file filled; anything else that exists is refused with Failure::usage.
void write_page(const std::filesystem::path& file, const RunReport& run);

/// True for a file that is a page of imgforge.
bool is_own_page(const std::filesystem::path& file);

/// The same with the JUnit XML of one or several runs.
void write_junit(const std::filesystem::path& file, const std::vector<RunReport>& runs);

}  // namespace imgforge::report
