// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>
#include <vector>

#include "builder/base/json.hpp"

/// How json_schema.cpp speaks of values and types. For it alone.
namespace imgforge::json_schema {

/// How a value is named in a message: 'vcpus', item 3 of 'packages'. `pointer` is not the root's.
std::string named(const std::string& pointer);

bool has_type(const Json& value, const std::string& type);
/// The texts PyYAML (YAML 1.1) reads as booleans.
bool is_boolean_word(const Json& value);

/// "a list" for "array".
std::string type_text(const std::string& type);
/// "text or a list" for what `type` of a schema may name; "null" is only named when it is the only one.
std::string types_text(const std::vector<std::string>& types);
/// Whether a number lies within a schema's minimum and maximum.
bool in_range(double number, const Json& schema);
/// "between 1 and 9", "at least 1": the range that a schema's minimum and maximum give.
std::string range_text(const Json& schema);
/// Length of a text in code points.
std::size_t characters(const std::string& text);

/// What a value of another type must be: the schema's own words ("must be a size such as 10G") where it has
/// some for texts, else "must be text or a list".
std::string type_rule(const Json& schema);

/// A number or boolean where any text is wanted: as "5" it would be one.
bool quotes_would_do(const Json& value, const Json& schema);

/// A value as it may stand in a message: short, and nothing of what is secret by its key or its look.
std::string shown(const std::string& pointer, const Json& value);
/// A key or text cut to a length that a line bears.
std::string shortened(const std::string& text);

/// One text or a list of them, as a list.
std::vector<std::string> strings(const Json& value);

}  // namespace imgforge::json_schema
