// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include <nlohmann/json.hpp>

namespace imgforge {

/// The tree type of recipes, records and settings: keys keep their order, so that output reads as it was
/// written.
using Json = nlohmann::ordered_json;

/// One text per value whatever the key order: keys sorted, no blanks, UTF-8. What fingerprints are made of.
std::string canonical(const Json& value);

/// JSON for people and files: two blanks, trailing newline, invalid UTF-8 replaced instead of thrown.
std::string pretty(const Json& value);

/// Parses JSON that a program or a file of ours gave; throws Failure::integrity naming `source` and the
/// position.
Json parse_json(std::string_view text, std::string_view source);

}  // namespace imgforge
