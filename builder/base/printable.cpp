// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/printable.hpp"

#include <algorithm>
#include <array>
#include <cstdint>
#include <utility>

#include <fmt/format.h>

namespace imgforge {

namespace {

/// One character of UTF-8; `size` 0 for a byte that is not the start of one.
struct Character {
    std::uint32_t code = 0;
    std::size_t size = 0;
};

Character next_character(std::string_view text) {
    const auto byte = [&](std::size_t at) { return static_cast<unsigned char>(text[at]); };
    const unsigned char first = byte(0);
    if (first < 0x80) {
        return {first, 1};
    }
    const std::size_t size = first >= 0xf0 ? 4 : first >= 0xe0 ? 3 : first >= 0xc2 ? 2 : 0;
    if (size == 0 || first > 0xf4 || text.size() < size) {
        return {};
    }
    std::uint32_t code = first & (0x7fU >> size);
    for (std::size_t i = 1; i < size; ++i) {
        if ((byte(i) & 0xc0U) != 0x80) {
            return {};
        }
        code = (code << 6U) | (byte(i) & 0x3fU);
    }
    const bool overlong = (size == 3 && code < 0x800) || (size == 4 && code < 0x10000);
    return overlong || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff ? Character{}
                                                                            : Character{code, size};
}

/// C1 controls (ECMA-48), Unicode's marks, embeddings, overrides and isolates of direction (UAX 9), line and
/// paragraph separators, and the marks that nobody sees.
bool steers(std::uint32_t code) {
    constexpr std::array<std::pair<std::uint32_t, std::uint32_t>, 7> ranges{{{0x7f, 0x9f},
                                                                             {0x61c, 0x61c},
                                                                             {0x200e, 0x200f},
                                                                             {0x2028, 0x202e},
                                                                             {0x2060, 0x206f},
                                                                             {0xfeff, 0xfeff},
                                                                             {0xe0000, 0xe007f}}};
    return code < 0x20 || std::any_of(ranges.begin(), ranges.end(), [&](const auto& range) {
               return code >= range.first && code <= range.second;
           });
}

std::string number_of(std::uint32_t code, bool json) {
    if (code > 0xffff) {
        const std::uint32_t rest = code - 0x10000;
        return json ? fmt::format("\\u{:04x}\\u{:04x}", 0xd800 + (rest >> 10U), 0xdc00 + (rest & 0x3ffU))
                    : fmt::format("\\U{:08x}", code);
    }
    return code < 0x80 && !json ? fmt::format("\\x{:02x}", code) : fmt::format("\\u{:04x}", code);
}

std::string replaced(std::string_view text, bool lines, bool json) {
    std::string out;
    out.reserve(text.size());
    while (!text.empty()) {
        const Character character = next_character(text);
        if (character.size == 0) {
            out += json ? "\\ufffd" : fmt::format("\\x{:02x}", static_cast<unsigned char>(text.front()));
            text.remove_prefix(1);
            continue;
        }
        const bool layout = lines && (character.code == '\n' || character.code == '\t');
        if (steers(character.code) && !layout) {
            out += number_of(character.code, json);
        } else {
            out += text.substr(0, character.size);
        }
        text.remove_prefix(character.size);
    }
    return out;
}

}  // namespace

std::string printable(std::string_view text) {
    return replaced(text, false, false);
}

std::string printable_lines(std::string_view text) {
    return replaced(text, true, false);
}

std::string printable_json(std::string_view json) {
    return replaced(json, true, true);
}

}  // namespace imgforge
