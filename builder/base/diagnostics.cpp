// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/diagnostics.hpp"

#include <algorithm>
#include <tuple>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge {
namespace {

auto key(const Diagnostic& d) {
    return std::tie(d.file, d.line, d.column, d.pointer, d.message);
}

/// A suggestion is either the word that was meant in place of one in the message, or a thing to do.
bool is_misspelling(const Diagnostic& d) {
    if (d.suggestion.find(' ') != std::string::npos) {
        return false;
    }
    constexpr std::string_view around = "'`\",.:;()";
    std::size_t begin = 0;
    while (begin < d.message.size()) {
        const std::size_t end = std::min(d.message.find(' ', begin), d.message.size());
        std::string_view word = std::string_view(d.message).substr(begin, end - begin);
        begin = end + 1;
        word.remove_prefix(std::min(word.find_first_not_of(around), word.size()));
        word = word.substr(0, word.find_last_not_of(around) + 1);
        if (!word.empty() && nearest(word, {d.suggestion})) {
            return true;
        }
    }
    return false;
}

}  // namespace

void Diagnostics::append(const Diagnostics& other) {
    list_.insert(list_.end(), other.list_.begin(), other.list_.end());
}

bool Diagnostics::has_errors() const {
    return std::any_of(list_.begin(), list_.end(),
                       [](const Diagnostic& d) { return d.severity == Diagnostic::Severity::error; });
}

void Diagnostics::sort() {
    std::stable_sort(list_.begin(), list_.end(),
                     [](const Diagnostic& a, const Diagnostic& b) { return key(a) < key(b); });
    list_.erase(std::unique(list_.begin(), list_.end(),
                            [](const Diagnostic& a, const Diagnostic& b) { return key(a) == key(b); }),
                list_.end());
}

std::string to_text(const Diagnostic& d) {
    std::string text = d.file;
    if (d.line > 0) {
        text += fmt::format(":{}", d.line);
        text += d.column > 0 ? fmt::format(":{}", d.column) : "";
    }
    // A value from an option stands in no file.
    text += fmt::format("{}{}{}", text.empty() ? "" : ": ",
                        d.severity == Diagnostic::Severity::warning ? "warning: " : "", d.message);
    if (!d.suggestion.empty()) {
        text += is_misspelling(d) ? fmt::format(" (did you mean '{}'?)", d.suggestion)
                                  : fmt::format(" (try: {})", d.suggestion);
    }
    return text;
}

std::string Diagnostics::text() const {
    std::string all;
    for (const Diagnostic& d : list_) {
        all += to_text(d) + "\n";
    }
    return all;
}

Json Diagnostics::to_json() const {
    Json array = Json::array();
    for (const Diagnostic& d : list_) {
        array.push_back({{"file", d.file},
                         {"line", d.line},
                         {"column", d.column},
                         {"pointer", d.pointer},
                         {"severity", d.severity == Diagnostic::Severity::error ? "error" : "warning"},
                         {"message", d.message},
                         {"suggestion", d.suggestion.empty() ? Json(nullptr) : Json(d.suggestion)}});
    }
    return array;
}

void Diagnostics::throw_if_errors() const {
    if (!has_errors()) {
        return;
    }
    std::string message = text();
    message.pop_back();
    throw Error(Failure::recipe, message);
}

}  // namespace imgforge
