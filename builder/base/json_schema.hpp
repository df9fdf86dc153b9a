// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <set>
#include <string>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge {

/// How other programs' files are judged differently from our own recipes.
struct SchemaManner {
    std::string whole = "the recipe";       ///< what the value as a whole is called
    bool unknown_keys_are_ignored = false;  ///< by the program that reads the file: a warning, not an error
    bool yaml_1_1 = false;                  ///< yes, no, on and off are booleans too, as PyYAML reads them
};

/// Checks `value`, which stands at `pointer` of `document`, against a JSON Schema (draft-07; the keywords of
/// known_schema_keywords()) and reports every error at its place: unknown keys with the nearest known one,
/// wrong types, values outside of an enumeration, pattern, range, and what is missing. Own code because
/// validators stop at "does not match" and cannot say what was meant; tests compare its verdicts with
/// valijson's.
///
/// Beyond draft-07: "x-kind" names what the keys of a map are ("stage type"), "x-message" replaces "must
/// match <pattern>", "deprecated" (a text: what to write instead) makes a warning.
void check_schema(const YamlDocument& document, const std::string& pointer, const Json& value,
                  const Json& schema, Diagnostics& diagnostics, const SchemaManner& manner = {});

/// The value with missing properties filled from `default` of the schema, at every depth that exists.
Json with_defaults(const Json& schema, Json value);

/// Keywords check_schema() looks at or may ignore. A schema that uses others would not be checked as it says.
const std::set<std::string>& known_schema_keywords();

/// The schema of the property a pointer leads to (through properties and items), or nothing.
const Json* schema_at(const Json& schema, const std::string& pointer);

}  // namespace imgforge
