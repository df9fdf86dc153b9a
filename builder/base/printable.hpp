// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge {

/// A name from elsewhere for a line of text: control characters become \x1b, so that it neither starts a new
/// line nor steers a terminal.
std::string printable(std::string_view text);

}  // namespace imgforge
