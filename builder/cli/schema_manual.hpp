// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::cli {

/// Paragraphs in man(7) macros for a key of a JSON Schema: what it takes, its default, and the keys below it.
std::string schema_entry(const std::string& key, const Json& rule);

/// The same for all keys of a map; NAME stands for keys that the user chooses.
std::string schema_entries(const Json& rule);

/// The manual page of a file format, section 5.
struct FormatPage {
    std::string_view name;                                ///< "recipe": the page is imgforge.recipe
    std::string_view summary;                             ///< after the dash
    std::string_view text;                                ///< the description, one paragraph
    std::string_view example;                             ///< a whole file
    std::string keys;                                     ///< troff, as schema_entries() makes it
    std::string more{};                                   ///< further sections, troff
    std::vector<std::pair<std::string_view, int>> see{};  ///< ("imgforge-build", 1)
};

/// The page: NAME, DESCRIPTION with the example, KEYS, `more`, SEE ALSO.
std::string manual_page(const FormatPage& page);

/// What a key takes: "text or a list", "true or false", "one of: bios, uefi"; empty when the schema does not
/// say.
std::string taken(const Json& rule);

/// With a capital letter in front, if it begins with a word; "a,b: …" is left as it is.
std::string capitalised(std::string text);

/// The description as a sentence with a blank behind it; empty without one.
std::string described(const Json& rule);

}  // namespace imgforge::cli
