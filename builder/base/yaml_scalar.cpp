// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/yaml_scalar.hpp"

#include <algorithm>
#include <array>
#include <charconv>
#include <cmath>
#include <limits>
#include <optional>
#include <vector>

#include <fmt/format.h>

namespace imgforge {
namespace {

constexpr std::uint64_t date_subtype = 1;

bool is_digit(char c) {
    return c >= '0' && c <= '9';
}

bool is_null_word(std::string_view text) {
    return text.empty() || text == "~" || text == "null" || text == "Null" || text == "NULL";
}

/// The word in lower case when it is written in one of YAML's three ways (yes, Yes, YES).
std::string folded_word(std::string_view text) {
    std::string lower(text);
    std::string upper(text);
    std::transform(text.begin(), text.end(), lower.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    std::transform(text.begin(), text.end(), upper.begin(),
                   [](char c) { return c >= 'a' && c <= 'z' ? static_cast<char>(c - 'a' + 'A') : c; });
    const bool capital = !text.empty() && text.front() == upper.front() && text.substr(1) == lower.substr(1);
    return text == lower || text == upper || capital ? lower : std::string(text);
}

Json number_of(const std::string& text) {
    const char* const end = text.data() + text.size();
    std::int64_t integer = 0;
    if (const auto r = std::from_chars(text.data(), end, integer); r.ec == std::errc() && r.ptr == end) {
        return integer;
    }
    double number = 0;
    if (const auto r = std::from_chars(text.data(), end, number);
        r.ec == std::errc() && r.ptr == end && std::isfinite(number)) {
        return number;
    }
    return text;
}

Json core_scalar(const std::string& text) {
    if (is_null_word(text)) {
        return nullptr;
    }
    const std::string word = folded_word(text);
    if (word == "true" || word == "false") {
        return word == "true";
    }
    const std::size_t digits = text[0] == '-' ? 1U : 0U;
    const bool leading_zero = text.size() > digits + 1 && text[digits] == '0' && is_digit(text[digits + 1]);
    if (leading_zero || text.size() == digits || !is_digit(text[digits])) {
        return text;
    }
    return number_of(text);
}

std::string without_underscores(std::string_view text) {
    std::string out(text);
    out.erase(std::remove(out.begin(), out.end(), '_'), out.end());
    return out;
}

/// Digits of `base`; Python's integers have no limit, ours become a double beyond 63 bits.
Json integer(bool negative, const std::string& digits, int base) {
    std::int64_t value = 0;
    const auto r = std::from_chars(digits.data(), digits.data() + digits.size(), value, base);
    if (r.ec == std::errc() && r.ptr == digits.data() + digits.size()) {
        return negative ? -value : value;
    }
    if (r.ec != std::errc::result_out_of_range) {
        throw YamlScalarFault{"a number without digits"};
    }
    double large = 0;
    for (const char c : digits) {
        const int digit = is_digit(c) ? c - '0' : (c | 0x20) - 'a' + 10;
        large = large * base + digit;
    }
    return negative ? -large : large;
}

bool all_of(std::string_view text, std::string_view allowed) {
    return !text.empty() && text.find_first_not_of(allowed) == std::string_view::npos;
}

/// "52:54:00" as PyYAML counts it; nothing when a group after the first is not a number below 60.
std::optional<double> base_60(std::string_view text) {
    double value = 0;
    bool first = true;
    while (true) {
        const std::size_t colon = text.find(':');
        const std::string group = without_underscores(text.substr(0, colon));
        double part = 0;
        const auto r = std::from_chars(group.data(), group.data() + group.size(), part);
        const std::size_t whole = std::min(group.find('.'), group.size());
        if (r.ec != std::errc() || r.ptr != group.data() + group.size() ||
            (!first && (whole > 2 || part >= 60 || group.front() == '.'))) {
            return std::nullopt;
        }
        value = value * 60 + part;
        first = false;
        if (colon == std::string_view::npos) {
            return value;
        }
        text.remove_prefix(colon + 1);
    }
}

/// resolver.py 'tag:yaml.org,2002:int'.
std::optional<Json> python_int(std::string_view text) {
    const bool negative = text.front() == '-';
    std::string_view body = text.substr(negative || text.front() == '+' ? 1 : 0);
    if (body.empty() || !is_digit(body.front())) {
        return std::nullopt;
    }
    if (body == "0") {
        return 0;
    }
    if (body.front() == '0') {
        if (body[1] == 'b' && all_of(body.substr(2), "01_")) {
            return integer(negative, without_underscores(body.substr(2)), 2);
        }
        if (body[1] == 'x' && all_of(body.substr(2), "0123456789abcdefABCDEF_")) {
            return integer(negative, without_underscores(body.substr(2)), 16);
        }
        return all_of(body.substr(1), "01234567_")
                   ? std::optional(integer(negative, without_underscores(body), 8))
                   : std::nullopt;
    }
    if (all_of(body, "0123456789_")) {
        return integer(negative, without_underscores(body), 10);
    }
    const std::size_t colon = body.find(':');
    if (colon == std::string_view::npos || !all_of(body.substr(0, colon), "0123456789_") ||
        !all_of(body.substr(colon), "0123456789:")) {
        return std::nullopt;
    }
    const auto value = base_60(body);
    if (!value) {
        return std::nullopt;
    }
    const double number = negative ? -*value : *value;
    return std::abs(number) < 9e15 ? Json(static_cast<std::int64_t>(number)) : Json(number);
}

/// `[0-9][0-9_]*\.[0-9_]*` or `\.[0-9][0-9_]*`, with an exponent that needs its sign.
std::optional<Json> decimal(bool negative, std::string_view body) {
    const std::size_t e = body.find_first_of("eE");
    if (e != std::string_view::npos) {
        const std::string_view exponent = body.substr(e + 1);
        if (exponent.size() < 2 || (exponent[0] != '+' && exponent[0] != '-') ||
            !all_of(exponent.substr(1), "0123456789")) {
            return std::nullopt;
        }
    }
    const std::string_view mantissa = body.substr(0, e);
    const std::size_t dot = mantissa.find('.');
    if (dot == std::string_view::npos || mantissa.find('.', dot + 1) != std::string_view::npos ||
        !all_of(without_underscores(mantissa), "0123456789.") || mantissa.front() == '_' ||
        (dot == 0 && (mantissa.size() < 2 || !is_digit(mantissa[1])))) {
        return std::nullopt;
    }
    std::string digits = without_underscores(body);
    double value = 0;
    if (digits.find('+') != std::string::npos) {
        digits.erase(digits.find('+'), 1);  // from_chars wants no plus
    }
    std::from_chars(digits.data(), digits.data() + digits.size(), value);
    return negative ? -value : value;
}

/// resolver.py 'tag:yaml.org,2002:float'.
std::optional<Json> python_float(std::string_view text) {
    const bool sign = text.front() == '-' || text.front() == '+';
    const bool negative = text.front() == '-';
    const std::string_view body = text.substr(sign ? 1 : 0);
    if (body == ".inf" || body == ".Inf" || body == ".INF") {
        const double infinite = std::numeric_limits<double>::infinity();
        return negative ? -infinite : infinite;
    }
    if (text == ".nan" || text == ".NaN" || text == ".NAN") {
        return std::numeric_limits<double>::quiet_NaN();
    }
    if (body.empty() || (!is_digit(body.front()) && (body.front() != '.' || sign))) {
        return std::nullopt;
    }
    const std::size_t colon = body.find(':');
    if (colon == std::string_view::npos) {
        return decimal(negative, body);
    }
    const std::size_t last = body.rfind(':');
    if (body.find('.') == std::string_view::npos || body.find('.') < last || !is_digit(body.front()) ||
        !all_of(body.substr(0, colon), "0123456789_") || !all_of(body.substr(colon), "0123456789:._")) {
        return std::nullopt;
    }
    const auto value = base_60(body);
    return value ? std::optional<Json>(negative ? -*value : *value) : std::nullopt;
}

int number_at(std::string_view text, std::size_t at, std::size_t length) {
    int value = 0;
    std::from_chars(text.data() + at, text.data() + at + length, value);
    return value;
}

bool possible_date(int year, int month, int day) {
    constexpr std::array days{31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    const bool leap = (year % 4 == 0 && year % 100 != 0) || year % 400 == 0;
    return year >= 1 && month >= 1 && month <= 12 && day >= 1 &&
           day <= days[static_cast<std::size_t>(month - 1)] + (leap && month == 2 ? 1 : 0);
}

/// How many digits stand at `at`, at most two.
std::size_t two_digits(std::string_view text, std::size_t at) {
    std::size_t count = 0;
    while (count < 2 && at + count < text.size() && is_digit(text[at + count])) {
        ++count;
    }
    return count;
}

/// The time of day after a date, to its end; resolver.py 'tag:yaml.org,2002:timestamp'.
bool is_time(std::string_view text) {
    std::size_t at = 0;
    if (text[0] == 'T' || text[0] == 't') {
        at = 1;
    } else {
        at = std::min(text.find_first_not_of(" \t"), text.size());
    }
    const std::size_t hour = two_digits(text, at);
    if (at == 0 || hour == 0) {
        return false;
    }
    at += hour;
    for (int group = 0; group < 2; ++group) {
        if (at >= text.size() || text[at] != ':' || two_digits(text, at + 1) != 2) {
            return false;
        }
        at += 3;
    }
    if (at < text.size() && text[at] == '.') {
        at = std::min(text.find_first_not_of("0123456789", at + 1), text.size());
    }
    at = std::min(text.find_first_not_of(" \t", at), text.size());
    const std::string_view zone = text.substr(at);
    if (zone.empty()) {
        return at == text.size() && text.back() != ' ' && text.back() != '\t';
    }
    return zone == "Z" || (zone.size() >= 2 && (zone[0] == '+' || zone[0] == '-') &&
                           all_of(zone.substr(1), "0123456789:") && zone.size() <= 6);
}

std::optional<Json> python_date(const std::string& text) {
    if (text.size() < 8 || !all_of(std::string_view(text).substr(0, 4), "0123456789") || text[4] != '-') {
        return std::nullopt;
    }
    const std::size_t month = two_digits(text, 5);
    const std::size_t day_at = 5 + month + 1;
    if (month == 0 || day_at >= text.size() || text[5 + month] != '-') {
        return std::nullopt;
    }
    const std::size_t day = two_digits(text, day_at);
    const std::string_view rest = std::string_view(text).substr(std::min(day_at + day, text.size()));
    if (day == 0 || (rest.empty() ? month != 2 || day != 2 : !is_time(rest))) {
        return std::nullopt;
    }
    if (!possible_date(number_at(text, 0, 4), number_at(text, 5, month), number_at(text, day_at, day))) {
        throw YamlScalarFault{fmt::format("'{}' has the form of a date but is none", text)};
    }
    return yaml_date(text);
}

Json python_scalar(const std::string& text) {
    if (is_null_word(text)) {
        return nullptr;
    }
    if (text == "=" || text == "<<") {
        throw YamlScalarFault{fmt::format("a plain '{}' has a meaning of its own in YAML 1.1", text)};
    }
    const std::string word = folded_word(text);
    if (word == "yes" || word == "on" || word == "true") {
        return true;
    }
    if (word == "no" || word == "off" || word == "false") {
        return false;
    }
    if (const auto number = python_int(text)) {
        return *number;
    }
    if (const auto number = python_float(text)) {
        return *number;
    }
    if (const auto date = python_date(text)) {
        return *date;
    }
    return text;
}

}  // namespace

Json resolve_plain(const std::string& text, YamlRules rules) {
    return rules == YamlRules::core_1_2 ? core_scalar(text) : python_scalar(text);
}

Json yaml_date(std::string_view text) {
    return Json::binary({text.begin(), text.end()}, date_subtype);
}

bool is_yaml_date(const Json& value) {
    return value.is_binary() && value.get_binary().has_subtype() &&
           value.get_binary().subtype() == date_subtype;
}

std::string yaml_binary_text(const Json& value) {
    return value.is_binary() ? std::string(value.get_binary().begin(), value.get_binary().end())
                             : std::string();
}

}  // namespace imgforge
