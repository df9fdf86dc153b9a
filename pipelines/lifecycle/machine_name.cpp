// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_name.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::lifecycle {
namespace {

// Not isalnum(3): that depends on the locale.
bool is_name_character(char c) {
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') || c == '-';
}

std::string shown(char c) {
    const auto byte = static_cast<unsigned char>(c);
    if (byte < 0x20 || byte >= 0x7f) {
        return fmt::format("the byte 0x{:02x}", byte);
    }
    return fmt::format("'{}'", c);
}

/// What the user may have meant: every run of other characters becomes one '-'.
std::string nearest_good_name(std::string_view name) {
    std::string good;
    for (const char c : name) {
        if (is_name_character(c) && c != '-') {
            good += c;
        } else if (!good.empty() && good.back() != '-') {
            good += '-';
        }
    }
    good.resize(std::min(good.size(), longest_machine_name));
    while (!good.empty() && good.back() == '-') {
        good.pop_back();
    }
    return good;
}

[[noreturn]] void refuse_name(std::string_view name, const std::string& why) {
    constexpr std::size_t longest_shown = 80;
    const std::string text(name.substr(0, longest_shown));
    const std::string good = nearest_good_name(name);
    std::string hint =
        "a machine name is a host name: letters, digits, '-' and '.', at most 63, no part of it starting or "
        "ending with '-'";
    if (!good.empty() && good != name) {
        hint += fmt::format("; '{}' would do", good);
    }
    throw Error(
        Failure::usage,
        fmt::format("'{}{}' cannot be a machine name: {}", text, name.size() > longest_shown ? "…" : "", why),
        hint);
}

struct Placeholder {
    std::size_t begin = 0;
    std::size_t end = 0;
    unsigned width = 0;
};

/// Finds "{n}" or "{n:03}"; throws for any other use of braces.
bool find_placeholder(std::string_view pattern, Placeholder& found) {
    const std::size_t open = pattern.find('{');
    if (open == std::string_view::npos) {
        return false;
    }
    const std::size_t close = pattern.find('}', open);
    const std::string_view inside =
        close == std::string_view::npos ? std::string_view() : pattern.substr(open + 1, close - open - 1);
    const bool padded =
        inside.size() == 4 && inside.substr(0, 3) == "n:0" && inside[3] >= '1' && inside[3] <= '9';
    if ((inside != "n" && !padded) || pattern.find('{', open + 1) != std::string_view::npos) {
        throw Error(Failure::usage, fmt::format("invalid name pattern '{}'", pattern),
                    "write {n} once, or {n:03} for three digits: web-{n}");
    }
    found = {open, close + 1, padded ? static_cast<unsigned>(inside[3] - '0') : 0U};
    return true;
}

}  // namespace

void check_machine_name(std::string_view name) {
    if (name.empty()) {
        throw Error(Failure::usage, "a machine name is empty", "imgforge spawn IMAGE NAME");
    }
    const auto bad =
        std::find_if_not(name.begin(), name.end(), [](char c) { return is_name_character(c) || c == '.'; });
    if (bad != name.end()) {
        refuse_name(name, fmt::format("it contains {}", shown(*bad)));
    }
    if (name.size() > longest_machine_name) {
        refuse_name(name, fmt::format("it has {} characters", name.size()));
    }
    for (std::string_view rest = name;;) {
        const std::size_t dot = rest.find('.');
        const std::string_view label = rest.substr(0, dot);
        if (label.empty()) {
            refuse_name(name, "it starts or ends with a '.', or has two in a row");
        }
        if (label.front() == '-' || label.back() == '-') {
            refuse_name(name,
                        fmt::format("{} {} with '-'", label.size() == name.size() ? "it" : "a part of it",
                                    label.front() == '-' ? "starts" : "ends"));
        }
        if (dot == std::string_view::npos) {
            return;
        }
        rest.remove_prefix(dot + 1);
    }
}

NamePattern::NamePattern(std::string_view pattern, bool numbered) {
    Placeholder placeholder;
    if (find_placeholder(pattern, placeholder)) {
        before_ = pattern.substr(0, placeholder.begin);
        after_ = pattern.substr(placeholder.end);
        width_ = placeholder.width;
        numbered_ = true;
    } else {
        before_ = pattern;
        numbered_ = numbered;
        if (numbered) {
            before_ += '-';
        }
    }
    check_machine_name(name(1));
}

std::string NamePattern::name(unsigned number) const {
    return numbered_ ? fmt::format("{}{:0{}}{}", before_, number, width_, after_) : before_;
}

std::vector<std::string> NamePattern::choose(std::size_t count,
                                             const std::function<bool(const std::string&)>& is_free) const {
    if (!numbered_ && count > 1) {
        throw Error(Failure::usage, fmt::format("{} machines cannot all be called '{}'", count, before_),
                    "write {n} where the number shall stand");
    }
    std::vector<std::string> names;
    // Far above any real number of machines: a predicate that always refuses must not loop for ever.
    constexpr unsigned last_number = 1000000;
    for (unsigned number = 1; names.size() < count && number <= last_number; ++number) {
        std::string candidate = name(number);
        if (is_free(candidate)) {
            check_machine_name(candidate);
            names.push_back(std::move(candidate));
        } else if (!numbered_) {
            throw Error(
                Failure::domain, fmt::format("the name '{}' is taken", candidate),
                fmt::format(
                    "see `imgforge show {0}`; a destroyed machine's name is free after `imgforge cleanup`",
                    candidate));
        }
    }
    return names;
}

}  // namespace imgforge::lifecycle
