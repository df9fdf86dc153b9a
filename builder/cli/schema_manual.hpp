// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/json.hpp"

namespace imgforge::cli {

/// Paragraphs in man(7) macros for a key of a JSON Schema: what it takes, its default, and the keys below it.
std::string schema_entry(const std::string& key, const Json& rule);

/// The same for all keys of a map; NAME stands for keys that the user chooses.
std::string schema_entries(const Json& rule);

/// What a key takes: "text or a list", "true or false", "one of: bios, uefi"; empty when the schema does not
/// say.
std::string taken(const Json& rule);

/// The description as a sentence with a blank behind it; empty without one.
std::string described(const Json& rule);

}  // namespace imgforge::cli
