// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/printable.hpp"

#include <fmt/format.h>

namespace imgforge {

std::string printable(std::string_view text) {
    constexpr unsigned char first_visible = 0x20;
    constexpr unsigned char rubout = 0x7f;
    std::string out;
    for (const char character : text) {
        const auto byte = static_cast<unsigned char>(character);
        if (byte < first_visible || byte == rubout) {
            out += fmt::format("\\x{:02x}", byte);
        } else {
            out += character;
        }
    }
    return out;
}

}  // namespace imgforge
