// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/diagnostics.hpp"

namespace imgforge::seeds {

/// Why `line` is not a line of authorized_keys(5) with one public key, or nothing. Says so when it is a
/// private key. The reason never quotes the line.
std::optional<std::string> public_key_fault(std::string_view line);

/// The keys of a text as authorized_keys(5) has it. A line that is not a key costs that line and a warning;
/// throws Failure::recipe when it holds no key at all.
std::vector<std::string> public_keys_of(std::string_view text, const std::string& name,
                                        Diagnostics& warnings);

/// The keys of a file (blank lines and comments left out). Throws Failure::recipe naming file and line for
/// anything else.
std::vector<std::string> read_public_keys(const std::filesystem::path& file);

}  // namespace imgforge::seeds
