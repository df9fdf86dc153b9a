// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

#include "builder/base/diagnostics.hpp"

namespace imgforge {

/// The first byte that no YAML text has, at its place in `file`: control characters and what is not UTF-8. A
/// binary file given by mistake is named as such.
std::optional<Diagnostic> yaml_bytes_fault(std::string_view text, const std::string& file);

}  // namespace imgforge
