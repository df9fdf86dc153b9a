// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/python_base64.hpp"

#include "builder/base/base64.hpp"

namespace imgforge {

std::optional<std::string> python_base64(std::string_view text) {
    const std::size_t padding = text.find('=');
    std::string data;
    for (const char c : text.substr(0, padding)) {
        const bool letter = (c >= 'A' && c <= 'Z') || (c >= 'a' && c <= 'z');
        if (letter || (c >= '0' && c <= '9') || c == '+' || c == '/') {
            data.push_back(c);
        }
    }
    const std::size_t rest = data.size() % 4;
    if (rest == 1 || (rest != 0 && padding == std::string_view::npos)) {
        return std::nullopt;
    }
    data.append((4 - rest) % 4, '=');
    // Bits beyond the last byte are dropped by Python, and refused by a strict reader.
    if (rest != 0) {
        constexpr std::string_view alphabet =
            "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
        char& last = data[data.size() - (4 - rest) - 1];
        const std::size_t mask = rest == 2 ? 0x30 : 0x3c;
        last = alphabet[alphabet.find(last) & mask];
    }
    return base64_decode(data);
}

}  // namespace imgforge
