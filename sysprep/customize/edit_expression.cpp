// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/edit_expression.hpp"

#include <fmt/format.h>

#include <cctype>

#include "builder/base/error.hpp"

namespace imgforge::sysprep {

namespace {

[[noreturn]] void refuse(std::string_view text, const std::string& why) {
    throw Error(Failure::recipe, fmt::format("the edit '{}' {}", text, why),
                "write s/pattern/replacement/, with g at the end for every match of a line");
}

/// Up to the next delimiter that is not escaped; `at` is left behind it. A delimiter that was escaped stands
/// for itself; in a pattern it stays escaped when it means something there.
std::string part(std::string_view text, std::size_t& at, char delimiter) {
    constexpr std::string_view special = "^$.*+?()[]{}|";
    std::string out;
    for (; at < text.size(); ++at) {
        if (text[at] == delimiter) {
            ++at;
            return out;
        }
        if (text[at] == '\\' && at + 1 < text.size()) {
            ++at;
            if (text[at] != delimiter || special.find(delimiter) != std::string_view::npos) {
                out += '\\';
            }
        }
        out += text[at];
    }
    refuse(text, fmt::format("lacks a closing '{}'", delimiter));
}

/// Perl's and sed's forms as std::regex_replace takes them: $1, $&, $$.
std::string as_format(std::string_view text) {
    std::string out;
    for (std::size_t at = 0; at < text.size(); ++at) {
        const char next = at + 1 < text.size() ? text[at + 1] : '\0';
        const bool digit = next >= '1' && next <= '9';
        if (text[at] == '\\' && next != '\0') {
            ++at;
            out += digit         ? std::string("$0") + next
                   : next == 'n' ? "\n"
                   : next == 't' ? "\t"
                   : next == '$' ? "$$"
                                 : std::string(1, next);
        } else if (text[at] == '$' && digit) {
            ++at;
            out += std::string("$0") + next;
        } else if (text[at] == '$' && next == '&') {
            ++at;
            out += "$&";
        } else {
            out += text[at] == '$' ? std::string("$$") : std::string(1, text[at]);
        }
    }
    return out;
}

}  // namespace

EditExpression::EditExpression(std::string_view text) {
    const char delimiter = text.size() > 1 ? text[1] : '\0';
    const auto code = static_cast<unsigned char>(delimiter);
    if (text.size() < 4 || text[0] != 's' || std::isalnum(code) != 0 || std::isspace(code) != 0 ||
        delimiter == '\\') {
        refuse(text, "is not of the form s/pattern/replacement/");
    }
    std::size_t at = 2;
    const std::string pattern = part(text, at, delimiter);
    replacement_ = as_format(part(text, at, delimiter));
    auto kind = std::regex::ECMAScript;
    for (const char flag : text.substr(at)) {
        if (flag == 'i') {
            kind |= std::regex::icase;
        } else if (flag != 'g') {
            refuse(text, fmt::format("has the unknown flag '{}'", flag));
        }
        every_ = every_ || flag == 'g';
    }
    if (pattern.empty()) {
        refuse(text, "has an empty pattern");
    }
    try {
        pattern_ = std::regex(pattern, kind);
    } catch (const std::regex_error& fault) {
        refuse(text, fmt::format("has a pattern that is not a regular expression: {}", fault.what()));
    }
}

std::string EditExpression::apply(const std::string& line) const {
    return std::regex_replace(
        line, pattern_, replacement_,
        every_ ? std::regex_constants::format_default : std::regex_constants::format_first_only);
}

}  // namespace imgforge::sysprep
