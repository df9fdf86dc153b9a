// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

namespace imgforge::sysprep {

/// Every occurrence of `word` that is not part of a longer name (letters, digits, dashes around it) replaced.
/// A domain that follows a host name ("build.example.org") goes with it.
std::string words_replaced(const std::string& text, const std::string& word, const std::string& replacement);

/// A line of hosts(5) without the names of `host` (bare or with a domain); nothing when no name is left.
std::optional<std::string> hosts_line_without(const std::string& line, const std::string& host);

}  // namespace imgforge::sysprep
