// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge {

/// A YAML file as Python's yaml.safe_load() reads it.
struct GuestYaml {
    YamlDocument document;
    /// JSON pointer -> text as written, for plain scalars whose value is not that text: "010", "yes", "1e3"
    /// not.
    std::map<std::string, std::string> written{};
};

/// Reads what a guest's Python program (cloud-init, subiquity) will read, with its YAML 1.1 values
/// (YamlRules::pyyaml_1_1), through libyaml, whose grammar is PyYAML's. Errors: all that PyYAML raises on,
/// tabs between tokens, several documents, unknown tags, an anchor given twice, `=` as a value, keys that are
/// lists. Warnings: a key given twice (the last one counts) and keys that are not text. Dates are
/// yaml_date(),
/// `!!binary` is text, or binary when it is not UTF-8. Nothing is returned when there is an error.
std::optional<GuestYaml> parse_guest_yaml(std::string_view text, std::string file, Diagnostics& diagnostics,
                                          const YamlLimits& limits = {});

}  // namespace imgforge
