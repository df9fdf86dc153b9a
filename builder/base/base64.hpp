// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace imgforge {

/// RFC 4648 section 4, padded, on one line.
std::string base64_encode(std::string_view bytes);

/// The bytes, or nothing when the text is not padded base64 of one line.
std::optional<std::string> base64_decode(std::string_view text);

}  // namespace imgforge
