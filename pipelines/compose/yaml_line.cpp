// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/yaml_line.hpp"

#include <algorithm>
#include <regex>

namespace imgforge::compose {
namespace {

bool is_blank(char c) {
    return c == ' ' || c == '\t';
}

/// Position of the ':' that ends the key at the start of `line`; npos when there is none.
std::size_t key_end(const std::string& line) {
    char quote = '\0';
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote != '\0') {
            if (c == '\\' && quote == '"') {
                ++i;
            } else if (c == quote) {
                quote = '\0';
            }
        } else if (i == 0 && (c == '"' || c == '\'')) {
            quote = c;
        } else if (i == 0 && (c == '{' || c == '[' || c == '?')) {
            return std::string::npos;
        } else if (c == '#' && i > 0 && is_blank(line[i - 1])) {
            return std::string::npos;
        } else if (c == ':' && (i + 1 == line.size() || is_blank(line[i + 1]))) {
            return i;
        }
    }
    return std::string::npos;
}

}  // namespace

std::vector<std::string> lines_of(const std::string& text) {
    std::vector<std::string> lines;
    for (std::size_t at = 0; at < text.size();) {
        const std::size_t end = std::min(text.find('\n', at), text.size());
        std::string line = text.substr(at, end - at);
        if (line.ends_with('\r')) {
            line.pop_back();
        }
        lines.push_back(std::move(line));
        at = end + 1;
    }
    return lines;
}

std::string trimmed(std::string line) {
    while (!line.empty() && is_blank(line.back())) {
        line.pop_back();
    }
    return line;
}

YamlLine taken_apart(const std::string& line) {
    YamlLine parts;
    parts.marker = line.starts_with("---") || line == "..." || line.starts_with("%");
    std::string rest = line;
    while (!parts.marker && (rest == "-" || rest.starts_with("- "))) {
        const std::size_t width = std::min(rest.find_first_not_of(' ', 1), rest.size());
        parts.entry = true;
        parts.dashes.push_back(width == rest.size() ? 2 : width);
        parts.text += width == rest.size() ? "-" : "- ";
        rest = rest.substr(width);
    }
    const std::size_t colon = parts.marker ? std::string::npos : key_end(rest);
    parts.key = colon != std::string::npos;
    if (parts.key) {
        const std::size_t value = rest.find_first_not_of(' ', colon + 1);
        const bool comment = value != std::string::npos && rest[value] == '#';
        rest = value == std::string::npos || comment ? rest
                                                     : rest.substr(0, colon + 1) + " " + rest.substr(value);
    }
    static const std::regex block(R"((^|[ :])(&\S+ +)?[|>][-+0-9]*( +#.*)?$)");
    parts.block = std::regex_search(rest, block);
    parts.text += rest;
    return parts;
}

void OpenText::read(const std::string& line) {
    bool fresh = quote_ == '\0';  // a scalar may begin here
    for (std::size_t i = 0; i < line.size(); ++i) {
        const char c = line[i];
        if (quote_ != '\0') {
            if (c == '\\' && quote_ == '"') {
                ++i;
            } else if (c == quote_) {
                quote_ = '\0';
            }
            fresh = false;
        } else if (c == '#' && (i == 0 || is_blank(line[i - 1]))) {
            return;
        } else if ((c == '"' || c == '\'') && fresh) {
            quote_ = c;
        } else if (c == '[' || c == '{') {
            depth_ += fresh || depth_ > 0 ? 1 : 0;
        } else if ((c == ']' || c == '}') && depth_ > 0) {
            --depth_;
        } else if (!is_blank(c)) {
            const bool mark = (c == ',' && depth_ > 0) ||
                              ((c == ':' || c == '-') && (i + 1 == line.size() || is_blank(line[i + 1])));
            fresh = mark;
        }
    }
}

}  // namespace imgforge::compose
