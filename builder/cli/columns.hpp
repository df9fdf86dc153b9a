// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <algorithm>
#include <cstddef>
#include <string_view>

namespace imgforge::cli {

/// Columns of a UTF-8 text on a terminal: continuation bytes take none. Wide and combining characters are
/// counted as one each; nothing that is laid out here has them.
inline std::size_t columns(std::string_view text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80; }));
}

}  // namespace imgforge::cli
