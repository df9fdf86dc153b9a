// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge::seeds {

/// UTF-8 to UTF-16 code units; malformed bytes become U+FFFD.
std::u16string utf16(std::string_view text);

/// The way back; lone surrogates become U+FFFD.
std::string utf8(std::u16string_view units);

}  // namespace imgforge::seeds
