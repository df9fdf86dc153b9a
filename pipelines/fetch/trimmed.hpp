// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace imgforge::fetch {

/// Without blanks, tabs and line ends at both ends.
inline std::string_view trimmed(std::string_view text) {
    const auto begin = text.find_first_not_of(" \t\r\n\v\f");
    return begin == std::string_view::npos
               ? std::string_view()
               : text.substr(begin, text.find_last_not_of(" \t\r\n\v\f") - begin + 1);
}

}  // namespace imgforge::fetch
