// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge {

/// RFC 4648 with padding, no line breaks.
std::string base64_encode(std::string_view bytes);
/// Throws Failure::integrity for text that is no base64.
std::string base64_decode(std::string_view text);

}  // namespace imgforge
