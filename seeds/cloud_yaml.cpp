// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/cloud_yaml.hpp"

#include <array>

#include "builder/base/error.hpp"

namespace imgforge::seeds {
namespace {

struct Escape {
    std::string_view raw;
    std::string_view escaped;
};

// PyYAML reader.py NON_PRINTABLE refuses DEL, C1 (but NEL), U+FFFE and U+FFFF; NEL, U+2028 and U+2029 are
// line breaks to YAML 1.1 and would be folded inside quotes; U+FEFF is a byte order mark. C1 is handled by
// its two-byte form below.
constexpr std::array escapes{
    Escape{"\x7f", "\\u007f"},         Escape{"\xe2\x80\xa8", "\\u2028"}, Escape{"\xe2\x80\xa9", "\\u2029"},
    Escape{"\xef\xbb\xbf", "\\ufeff"}, Escape{"\xef\xbf\xbe", "\\ufffe"}, Escape{"\xef\xbf\xbf", "\\uffff"},
};

bool needs_look(char c) {
    return c == '\x7f' || c == '\xc2' || c == '\xe2' || c == '\xef';
}

/// Appends the escape for what starts at `rest` and returns how many bytes it stands for; 0 when nothing
/// needs one.
std::size_t append_escaped(std::string& out, std::string_view rest) {
    if (rest.size() >= 2 && rest[0] == '\xc2' && static_cast<unsigned char>(rest[1]) < 0xa0) {
        constexpr std::string_view digits = "0123456789abcdef";
        const auto low = static_cast<unsigned char>(rest[1]);
        out.append("\\u00").push_back(digits[low >> 4U]);
        out.push_back(digits[low & 15U]);
        return 2;
    }
    for (const Escape& escape : escapes) {
        if (rest.substr(0, escape.raw.size()) == escape.raw) {
            out.append(escape.escaped);
            return escape.raw.size();
        }
    }
    return 0;
}

}  // namespace

std::string yaml_text(const Json& tree) {
    std::string json;
    try {
        json = tree.dump(1, ' ', false, nlohmann::detail::error_handler_t::strict);
    } catch (const Json::type_error& fault) {
        throw Error(Failure::recipe, "a value for the seed is not UTF-8 text",
                    "give binary files through `files`, they travel as base64");
    }
    // Outside its strings JSON is plain ASCII, so escaping bytes anywhere only touches strings.
    std::string out;
    out.reserve(json.size() + 16);
    for (std::size_t at = 0; at < json.size();) {
        const std::size_t taken =
            needs_look(json[at]) ? append_escaped(out, std::string_view(json).substr(at, 4)) : 0;
        if (taken == 0) {
            out.push_back(json[at++]);
        }
        at += taken;
    }
    return out.append("\n");
}

std::string cloud_config_text(const Json& tree) {
    return "#cloud-config\n" + yaml_text(tree);
}

bool is_utf8(std::string_view bytes) {
    try {
        static_cast<void>(Json(std::string(bytes)).dump());
        return true;
    } catch (const Json::type_error&) {
        return false;
    }
}

}  // namespace imgforge::seeds
