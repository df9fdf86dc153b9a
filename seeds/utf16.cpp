// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/utf16.hpp"

namespace imgforge::seeds {
namespace {

constexpr char32_t replacement = 0xfffd;

char32_t next_point(std::string_view text, std::size_t& at) {
    const auto lead = static_cast<unsigned char>(text[at++]);
    if (lead < 0x80) {
        return lead;
    }
    const int more = lead >= 0xf0 ? 3 : lead >= 0xe0 ? 2 : lead >= 0xc0 ? 1 : 0;
    char32_t point = more == 0 ? replacement : lead & (0x3fU >> static_cast<unsigned>(more));
    for (int i = 0; i < more; ++i) {
        if (at >= text.size() || (static_cast<unsigned char>(text[at]) & 0xc0U) != 0x80) {
            return replacement;
        }
        point = (point << 6U) | (static_cast<unsigned char>(text[at++]) & 0x3fU);
    }
    return point > 0x10ffff || (point >= 0xd800 && point < 0xe000) ? replacement : point;
}

void append_utf8(std::string& out, char32_t point) {
    const auto tail = [&](unsigned shift) {
        out.push_back(static_cast<char>(0x80U | ((point >> shift) & 0x3fU)));
    };
    if (point < 0x80) {
        out.push_back(static_cast<char>(point));
    } else if (point < 0x800) {
        out.push_back(static_cast<char>(0xc0U | (point >> 6U)));
        tail(0);
    } else if (point < 0x10000) {
        out.push_back(static_cast<char>(0xe0U | (point >> 12U)));
        tail(6);
        tail(0);
    } else {
        out.push_back(static_cast<char>(0xf0U | (point >> 18U)));
        tail(12);
        tail(6);
        tail(0);
    }
}

}  // namespace

std::u16string utf16(std::string_view text) {
    std::u16string out;
    for (std::size_t at = 0; at < text.size();) {
        char32_t point = next_point(text, at);
        if (point >= 0x10000) {
            point -= 0x10000;
            out.push_back(static_cast<char16_t>(0xd800 + (point >> 10U)));
            point = 0xdc00 + (point & 0x3ffU);
        }
        out.push_back(static_cast<char16_t>(point));
    }
    return out;
}

std::string utf8(std::u16string_view units) {
    std::string out;
    for (std::size_t at = 0; at < units.size(); ++at) {
        char32_t point = units[at];
        if (point >= 0xd800 && point < 0xe000) {
            const bool pair =
                point < 0xdc00 && at + 1 < units.size() && units[at + 1] >= 0xdc00 && units[at + 1] < 0xe000;
            point =
                pair ? 0x10000 + ((point - 0xd800) << 10U) + (static_cast<char32_t>(units[at + 1]) - 0xdc00)
                     : replacement;
            at += pair ? 1 : 0;
        }
        append_utf8(out, point);
    }
    return out;
}

}  // namespace imgforge::seeds
