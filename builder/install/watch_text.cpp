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

/// Lines of a dialog that are not its text: blank ones, buttons, numbered choices, rules of dashes.
bool is_ornament(const std::string& line) {
    static const std::regex ornament(R"(^(?:[-=_*# ]*|(?:\s*[\[<][ A-Za-z]{1,30}[\]>])+\s*|\d+: .*)$)");
    return std::regex_match(line.substr(0, longest_searched), ornament);
}

/// "Installation step failed: The failing step is …" of the text frontend's error dialogs.
std::string error_dialog(const std::vector<std::string>& lines) {
    constexpr std::string_view mark = "!! ERROR: ";
    for (std::size_t i = lines.size(); i-- > 0;) {
        const auto at = lines[i].find(mark);
        if (at == std::string::npos) {
            continue;
        }
        std::string text = trimmed(lines[i].substr(at + mark.size()));
        std::string paragraph;
        for (std::size_t k = i + 1; k < lines.size() && (paragraph.empty() || !is_blank(lines[k])); ++k) {
            const std::string line = trimmed(lines[k]);
            paragraph +=
                is_ornament(line) || line.starts_with('[') ? "" : (paragraph.empty() ? "" : " ") + line;
        }
        return paragraph.empty() ? text : text + ": " + paragraph;
    }
    return {};
}

}  // namespace

bool is_blank(std::string_view line) {
    return line.find_first_not_of(" \t\r") == std::string_view::npos;
}

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
    if (std::string error = error_dialog(lines); !error.empty()) {
        return error;
    }
    std::string last;
    for (auto it = lines.rbegin(); it != lines.rend(); ++it) {
        const std::string line = trimmed(*it);
        if (is_ornament(line) || line.starts_with("Prompt: '")) {
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
