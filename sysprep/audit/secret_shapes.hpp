// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysprep/audit/secret_patterns.hpp"

namespace imgforge::sysprep::audit {

// What the files of patterns share: kinds of characters, and runs of them.

using namespace std::string_view_literals;
using Found = std::optional<Span>;

inline bool is_digit(char c) {
    return c >= '0' && c <= '9';
}
inline bool is_alnum(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}
inline bool is_base64(char c) {
    return is_alnum(c) || c == '+' || c == '/' || c == '=';
}
inline bool is_base64url(char c) {
    return is_alnum(c) || c == '-' || c == '_';
}
inline bool is_crypt(char c) {
    return is_alnum(c) || c == '.' || c == '/';
}
inline bool is_upper_alnum(char c) {
    return is_digit(c) || (c >= 'A' && c <= 'Z');
}

/// How many characters from `at` on satisfy `accepts`, at most `limit`.
template <class Accepts>
std::size_t run_of(std::string_view data, std::size_t at, Accepts accepts, std::size_t limit = look_ahead) {
    std::size_t n = 0;
    while (n < limit && at + n < data.size() && accepts(data[at + n])) {
        ++n;
    }
    return n;
}

inline bool word_ends_at(std::string_view data, std::size_t at) {
    return at >= data.size() || !is_base64url(data[at]);
}
inline bool word_starts_at(std::string_view data, std::size_t at) {
    return at == 0 || !is_base64url(data[at - 1]);
}

/// Skips one line end, real or escaped ("\n" inside JSON and YAML); npos when there is none.
inline std::size_t after_line_end(std::string_view data, std::size_t at) {
    for (const std::string_view end : {"\r\n"sv, "\n"sv, "\\n"sv, "\\r\\n"sv}) {
        if (data.substr(at).starts_with(end)) {
            return at + end.size();
        }
    }
    return std::string_view::npos;
}

/// End of a base64 block that starts at `pos`: over line ends, indentation and comment signs. The first line
/// of an OpenSSH key is the same for all keys of its kind; only the whole block tells one key from another.
inline std::size_t base64_block_end(std::string_view data, std::size_t pos) {
    const std::size_t limit = pos + look_ahead - 256;
    for (;;) {
        pos += run_of(data, pos, is_base64);
        std::size_t next = after_line_end(data, pos);
        if (next == std::string_view::npos || pos >= limit) {
            return pos;
        }
        next += run_of(
            data, next, [](char c) { return c == ' ' || c == '\t' || c == '#'; }, 40);
        if (run_of(data, next, is_base64) < 4) {
            return pos;
        }
        pos = next;
    }
}

inline std::size_t skip_blanks(std::string_view data, std::size_t pos) {
    return pos + run_of(
                     data, pos, [](char c) { return c == ' ' || c == '\t'; }, 16);
}

/// Bits per character of `text` by the frequencies of its characters: about 4.5 for 32 random letters and
/// digits, 3.5 for hexadecimal digits, below 3 for words and fillings.
double entropy(std::string_view text);

inline Pattern simple(std::string rule, std::string label, std::string literal,
                      Found (*verify)(std::string_view, std::size_t)) {
    return Pattern{
        .rule = std::move(rule), .label = std::move(label), .literal = std::move(literal), .verify = verify};
}

/// Below directories where settings and data of this machine lie; the rest comes from packages.
bool is_site_file(std::string_view path);

std::vector<Pattern> key_patterns();        ///< private keys in their encodings
std::vector<Pattern> hash_patterns();       ///< crypt(3)
std::vector<Pattern> token_patterns();      ///< tokens by their published prefixes
std::vector<Pattern> installer_patterns();  ///< answers of installers
std::vector<Pattern> setting_patterns();    ///< passwords and keys as values of settings, in URLs

}  // namespace imgforge::sysprep::audit
