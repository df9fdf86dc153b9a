// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/process.hpp"

namespace imgforge::install {

/// apt's helper program for reading and fetching files; it is not on PATH.
inline constexpr const char* apt_helper = "/usr/lib/apt/apt-helper";

/// The lines of what apt printed, without their ends.
std::vector<std::string> output_lines(const std::string& text);

/// apt's "E:" lines, which say what is wrong better than its last lines do; empty when there are none.
std::string apt_errors(const ProcessResult& result);

}  // namespace imgforge::install
