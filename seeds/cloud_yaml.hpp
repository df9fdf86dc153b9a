// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/base/json.hpp"

namespace imgforge::seeds {

/// A tree as JSON that PyYAML (YAML 1.1) reads back unchanged: every string stays a string ("yes", "0644",
/// "1e3"), emoji, quotes and newlines survive. What YAML readers refuse or fold raw (DEL, C1, U+2028, U+FEFF
/// …) is escaped. Throws Failure::recipe for strings that are not UTF-8. Ends with a newline.
std::string yaml_text(const Json& tree);

/// "#cloud-config\n" and the tree.
std::string cloud_config_text(const Json& tree);

/// True when all of it is well-formed UTF-8.
bool is_utf8(std::string_view bytes);

}  // namespace imgforge::seeds
