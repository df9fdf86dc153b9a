// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "builder/base/json.hpp"

namespace imgforge {

/// Whose reading of plain (unquoted) scalars counts.
enum class YamlRules {
    core_1_2,    ///< our own files: only true/false, null, plain decimal numbers
    pyyaml_1_1,  ///< guests' files: what Python's SafeLoader makes of the text
};

/// Thrown by resolve_plain() for a text that PyYAML refuses to construct, such as the date 2026-13-01.
struct YamlScalarFault {
    std::string message;
};

/// The value of a plain scalar. By pyyaml_1_1: yes/no/on/off are booleans, 010 is octal, 0x1f, 0b1, 1_000,
/// base 60 (52:54:00) and 1.5 are numbers, 1e3 is text, 2026-12-31 is a date (see yaml_date()). Throws
/// YamlScalarFault for `=`, `<<` and impossible dates by pyyaml_1_1; never by core_1_2.
Json resolve_plain(const std::string& text, YamlRules rules);

/// How a date, which JSON has no word for, stands in a tree read by pyyaml_1_1: binary of this subtype that
/// holds the text as written.
Json yaml_date(std::string_view text);
bool is_yaml_date(const Json& value);
/// The text of a date or of other binary data, as bytes.
std::string yaml_binary_text(const Json& value);

}  // namespace imgforge
