// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/watch_text.hpp"

#include <regex>

namespace imgforge::install {

namespace {

std::string trimmed(std::string text) {
    const auto begin = text.find_first_not_of(" \t");
    if (begin == std::string::npos) {
        return {};
    }
    return text.substr(begin, text.find_last_not_of(" \t") - begin + 1);
}

}  // namespace

std::string line_at(const std::string& text, std::size_t at) {
    const auto begin = at == 0 ? std::string::npos : text.rfind('\n', at - 1);
    const auto first = begin == std::string::npos ? 0 : begin + 1;
    return trimmed(text.substr(first, text.find('\n', at) - first));
}

std::string marked_detail(const std::string& line) {
    std::string detail = line.substr(line.find(failed_marker) + failed_marker.size());
    detail = detail.starts_with(", ") ? trimmed(detail.substr(2)) : std::string();
    return detail.empty() || detail.starts_with("see the ") ? std::string() : ": " + detail;
}

std::size_t marked_post_command(const std::string& line) {
    static const std::regex numbered("^: post command ([0-9]{1,4}) of ");
    const std::string detail = marked_detail(line);
    std::smatch number;
    return std::regex_search(detail, number, numbered) ? std::stoul(number[1].str()) : 0;
}

std::string unbroken(const std::string& text) {
    std::string out;
    for (const char c : text) {
        if (c != '\n') {
            out += c;
        } else if (!out.empty() && out.back() != ' ') {
            out += ' ';
        }
    }
    return out;
}

std::string unknown_question(const std::vector<std::string>& lines, const std::string& prompt) {
    std::string last;
    for (auto it = lines.rbegin(); it != lines.rend(); ++it) {
        const std::string line = trimmed(*it);
        if (line.empty()) {
            continue;
        }
        if (line.ends_with('?') || line.ends_with(':')) {
            return line;
        }
        if (last.empty()) {
            last = line;
        }
    }
    return last.empty() ? trimmed(prompt) : last;
}

}  // namespace imgforge::install
