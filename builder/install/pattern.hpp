// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <regex>
#include <string>

/// Patterns of the distributions' rows (templates/), as the console's readers use them.
namespace imgforge::install {

/// Throws std::regex_error for an invalid pattern; the rows' own tests compile every one.
inline std::regex compiled(const std::string& pattern) {
    return std::regex(pattern, std::regex::ECMAScript | std::regex::optimize);
}

/// Nothing for the empty pattern, which means that a row has none.
inline std::optional<std::regex> compiled_if_any(const std::string& pattern) {
    return pattern.empty() ? std::nullopt : std::optional(compiled(pattern));
}

}  // namespace imgforge::install
