// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

namespace imgforge::log {

/// Starts the debug log of this run (mode 0600, appended); every line is redacted. Without a call, lines go
/// nowhere.
void open(const std::filesystem::path& file);

/// Also mirror lines to stderr (`--verbose`).
void to_stderr(bool enabled);

/// Path of the open log, empty if none.
std::filesystem::path path();

void debug(std::string_view line);
void warn(std::string_view line);

}  // namespace imgforge::log
