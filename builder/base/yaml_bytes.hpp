// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge {

/// Why the bytes of `file` cannot be a YAML text: more than the limit, or, at its position, the first control
/// character or invalid UTF-8. A binary file given by mistake is named as such.
std::optional<Diagnostic> yaml_bytes_fault(std::string_view text, const std::string& file,
                                           const YamlLimits& limits);

}  // namespace imgforge
