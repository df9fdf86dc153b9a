// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/text.hpp"

#include <cctype>
#include <sstream>

namespace imgforge::sysprep {

namespace {

bool is_name(char character) {
    return std::isalnum(static_cast<unsigned char>(character)) != 0 || character == '-' || character == '_';
}

}  // namespace

std::string words_replaced(const std::string& text, const std::string& word, const std::string& replacement) {
    std::string result;
    std::size_t at = 0;
    while (!word.empty()) {
        const std::size_t found = text.find(word, at);
        if (found == std::string::npos) {
            break;
        }
        std::size_t end = found + word.size();
        const bool alone = (found == 0 || (!is_name(text[found - 1]) && text[found - 1] != '.')) &&
                           (end == text.size() || !is_name(text[end]) || !is_name(word.back()));
        result += text.substr(at, found - at);
        if (alone) {
            while (is_name(word.back()) && end + 1 < text.size() && text[end] == '.' &&
                   is_name(text[end + 1])) {
                for (++end; end < text.size() && is_name(text[end]);) {
                    ++end;
                }
            }
            result += replacement;
        } else {
            result += word;
        }
        at = end;
    }
    return result + text.substr(at);
}

std::optional<std::string> hosts_line_without(const std::string& line, const std::string& host) {
    std::istringstream words(line);
    std::string address;
    if (!(words >> address) || address.front() == '#') {
        return line;
    }
    std::string kept;
    bool removed = false;
    for (std::string name; words >> name;) {
        if (name == host || name.starts_with(host + ".")) {
            removed = true;
        } else {
            kept += (kept.empty() ? "" : " ") + name;
        }
    }
    if (!removed) {
        return line;
    }
    return kept.empty() ? std::nullopt : std::optional(address + "\t" + kept);
}

}  // namespace imgforge::sysprep
