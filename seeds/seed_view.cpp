// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/seed_view.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/guest_yaml.hpp"
#include "builder/base/redact.hpp"
#include "seeds/findings.hpp"
#include "seeds/mime_parts.hpp"
#include "seeds/text.hpp"
#include "seeds/user_data.hpp"

namespace imgforge::seeds {
namespace {

constexpr std::string_view mask = "***";

/// Length of the UTF-8 sequence at the front, 0 when there is none; `code` gets the character.
std::size_t take_character(std::string_view text, char32_t& code) {
    const auto lead = static_cast<unsigned char>(text[0]);
    const std::size_t length = lead < 0x80 ? 1 : lead < 0xc2 ? 0 : lead < 0xe0 ? 2 : lead < 0xf0 ? 3 : 4;
    if (length == 0 || length > text.size() || lead > 0xf4) {
        return 0;
    }
    constexpr unsigned char lead_bits[] = {0, 0x7f, 0x1f, 0x0f, 0x07};
    code = static_cast<char32_t>(lead & lead_bits[length]);
    for (std::size_t i = 1; i < length; ++i) {
        const auto next = static_cast<unsigned char>(text[i]);
        if ((next & 0xc0U) != 0x80U) {
            return 0;
        }
        code = (code << 6U) | (next & 0x3fU);
    }
    return length;
}

bool steers_terminal(char32_t code) {
    const bool control = (code < 0x20 && code != '\n' && code != '\t') || (code >= 0x7f && code < 0xa0);
    const bool turns = (code >= 0x202a && code <= 0x202e) || (code >= 0x2066 && code <= 0x2069) ||
                       code == 0x200e || code == 0x200f || code == 0x061c;
    return control || turns || (code >= 0xd800 && code < 0xe000) || code > 0x10ffff;
}

/// Collects the texts of a cloud-config that nobody shall see.
class Secrets {
public:
    explicit Secrets(const GuestYaml& yaml) : yaml_(yaml) { walk("", "", yaml.document.root); }

    const std::set<std::string>& values() const { return values_; }
    const std::set<int>& lines() const { return lines_; }

private:
    void walk(const std::string& pointer, const std::string& key, const Json& value) {
        if (value.is_object()) {
            const std::string encoding = text_child(value, "encoding");
            const std::string content = text_child(value, "content");
            if (encoding.find("64") != std::string::npos && hides_secret(content)) {
                keep(pointer + "/content", content);
            }
            for (const auto& [name, child] : value.items()) {
                walk(pointer + "/" + pointer_token(name), name, child);
            }
        } else if (value.is_array()) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                walk(fmt::format("{}/{}", pointer, i), key, value[i]);
            }
        } else if (pointer.starts_with("/chpasswd/list")) {
            logins(pointer, value);
        } else if (is_secret_key(key) && key != "lock_passwd" && !value.is_boolean() && !value.is_null()) {
            keep(pointer, value.is_string() ? value.get<std::string>() : value.dump());
        }
    }

    static bool hides_secret(const std::string& coded) {
        std::string one_line(coded);
        one_line.erase(std::remove_if(one_line.begin(), one_line.end(),
                                      [](char c) { return c == '\n' || c == ' ' || c == '\r'; }),
                       one_line.end());
        const auto bytes = base64_decode(one_line);
        if (!bytes) {
            return false;
        }
        try {
            const std::string plain = gunzipped(*bytes, "content");
            return redact(plain) != plain;
        } catch (const Error&) {
            return true;
        }
    }

    void logins(const std::string& pointer, const Json& value) {
        const std::string text = value.is_string() ? value.get<std::string>() : std::string();
        for (const std::string_view line : lines_of(text)) {
            const std::size_t colon = line.find(':');
            if (colon != std::string_view::npos) {
                keep(pointer, std::string(trimmed(line.substr(colon + 1))));
            }
        }
    }

    void keep(const std::string& pointer, const std::string& value) {
        for (const std::string_view line : lines_of(value)) {
            if (!trimmed(line).empty()) {
                values_.emplace(trimmed(line));
            }
        }
        lines_.insert(yaml_.document.position(pointer).line);
    }

    const GuestYaml& yaml_;
    std::set<std::string> values_;
    std::set<int> lines_;
};

/// Each line with its secrets masked. A value that is not in its line as it is (escaped in quotes, folded)
/// costs the rest of the line.
std::string masked_lines(const std::string& text, const Secrets& secrets) {
    std::string out;
    int number = 0;
    for (const std::string_view raw : lines_of(text)) {
        ++number;
        std::string line(raw);
        bool hit = false;
        for (const std::string& value : secrets.values()) {
            for (std::size_t at = line.find(value); at != std::string::npos; at = line.find(value, at)) {
                const bool key_itself =
                    line.find(':', at) != std::string::npos && value.size() < 4 && line.find(':') > at;
                if (key_itself) {
                    break;
                }
                line.replace(at, value.size(), mask);
                at += mask.size();
                hit = true;
            }
        }
        if (!hit && secrets.lines().contains(number)) {
            const std::size_t colon = line.find(": ");
            const std::string_view rest = colon == std::string::npos ? "" : trimmed(line.substr(colon + 1));
            if (!rest.empty() && !rest.starts_with('|') && !rest.starts_with('>')) {
                line = line.substr(0, colon + 2) + std::string(mask);
            }
        }
        out += line + "\n";
    }
    return out;
}

}  // namespace

std::string terminal_safe(std::string_view text) {
    std::string out;
    while (!text.empty()) {
        char32_t code = 0;
        const std::size_t length = take_character(text, code);
        if (length == 0 || steers_terminal(code)) {
            out.push_back('?');
        } else {
            out.append(text.substr(0, length));
        }
        text.remove_prefix(std::max<std::size_t>(length, 1));
    }
    return out;
}

std::string readable(const std::string& bytes, const std::string& name) {
    std::string text;
    try {
        text = gunzipped(gunzipped(bytes, name), name);
    } catch (const Error&) {
        return bytes;
    }
    if (user_data_kind(text) != UserDataKind::mime || kind_by_prefix(text) != UserDataKind::unknown) {
        return text;
    }
    std::string out;
    int number = 0;
    for (const MimePart& part : mime_parts(text)) {
        out += fmt::format("--- part {}: {}{}\n", ++number, part.type.empty() ? "text/plain" : part.type,
                           part.name.empty() ? "" : ", " + part.name);
        out += readable(part.bytes, name);
        out += out.ends_with('\n') ? "" : "\n";
    }
    return out;
}

std::string without_secrets(const std::string& text) {
    std::string out;
    std::string part;
    const auto flush = [&] {
        Diagnostics ignored;
        const auto yaml = parse_guest_yaml(part, "text", ignored);
        out += yaml && yaml->document.root.is_object() ? masked_lines(part, Secrets(*yaml)) : part;
        part.clear();
    };
    for (const std::string_view line : lines_of(text)) {
        if (line.starts_with("--- part ")) {
            flush();
            out.append(line).push_back('\n');
        } else {
            part.append(line).push_back('\n');
        }
    }
    flush();
    return redact(out);
}

}  // namespace imgforge::seeds
