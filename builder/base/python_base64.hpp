// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace imgforge {

/// What Python's base64.b64decode() gives: characters beyond the alphabet are skipped, data ends at the
/// padding; nothing where it raises for wrong padding.
std::optional<std::string> python_base64(std::string_view text);

}  // namespace imgforge
