// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge::seeds {

/// Checks a YAML file against one of the schemas in seeds/schemas ("autoinstall.json"; see
/// builder/base/json_schema.hpp). Wrong types and values are errors; an unknown key is a warning with the
/// nearest known one, because cloud-init and subiquity ignore it. Booleans may be written the YAML 1.1 way
/// (yes, off), since that is what PyYAML reads.
Diagnostics check_schema_text(std::string_view schema, const std::string& text, const std::string& file);

/// The same for a tree that is already read.
Diagnostics check_schema_tree(std::string_view schema, const YamlDocument& document);

}  // namespace imgforge::seeds
