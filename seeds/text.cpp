// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/text.hpp"

#include <algorithm>

namespace imgforge::seeds {
namespace {

bool is_lower_alnum(char c) {
    return (c >= 'a' && c <= 'z') || (c >= '0' && c <= '9');
}

bool is_label(std::string_view label) {
    const auto fits = [](char c) { return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '-'; };
    return !label.empty() && label.size() <= 63 && label.front() != '-' && label.back() != '-' &&
           std::all_of(label.begin(), label.end(), fits);
}

}  // namespace

std::string_view trimmed(std::string_view text) {
    const std::size_t begin = text.find_first_not_of(" \t\r\n");
    return begin == std::string_view::npos ? std::string_view()
                                           : text.substr(begin, text.find_last_not_of(" \t\r\n") - begin + 1);
}

std::string lower_case(std::string_view text) {
    std::string out(text);
    std::transform(out.begin(), out.end(), out.begin(),
                   [](char c) { return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c; });
    return out;
}

std::vector<std::string_view> lines_of(std::string_view text) {
    std::vector<std::string_view> lines;
    while (!text.empty()) {
        const std::size_t end = text.find('\n');
        std::string_view line = text.substr(0, end);
        if (!line.empty() && line.back() == '\r') {
            line.remove_suffix(1);
        }
        lines.push_back(line);
        text.remove_prefix(end == std::string_view::npos ? text.size() : end + 1);
    }
    return lines;
}

bool is_one_line(std::string_view text) {
    return std::none_of(text.begin(), text.end(),
                        [](char c) { return static_cast<unsigned char>(c) < 0x20 || c == '\x7f'; });
}

std::string joined(const std::vector<std::string>& items, std::string_view separator) {
    std::string out;
    for (const std::string& item : items) {
        out.append(out.empty() ? std::string_view() : separator).append(item);
    }
    return out;
}

bool is_host_name(std::string_view name) {
    if (name.empty() || name.size() > 253) {
        return false;
    }
    for (std::size_t begin = 0; begin <= name.size();) {
        const std::size_t end = std::min(name.find('.', begin), name.size());
        if (!is_label(name.substr(begin, end - begin))) {
            return false;
        }
        begin = end + 1;
    }
    return true;
}

bool is_user_name(std::string_view name) {
    return !name.empty() && name.size() <= 32 && !(name.front() >= '0' && name.front() <= '9') &&
           name.front() != '-' && std::all_of(name.begin(), name.end(), [](char c) {
               return is_lower_alnum(c) || c == '_' || c == '-';
           });
}

bool is_login_name(std::string_view name) {
    if (name.ends_with('$')) {
        name.remove_suffix(1);
    }
    const auto fits = [](char c) {
        return is_lower_alnum(c) || (c >= 'A' && c <= 'Z') || c == '_' || c == '.' || c == '-';
    };
    return !name.empty() && name.size() <= 32 && name.front() != '-' && name != "." && name != ".." &&
           std::all_of(name.begin(), name.end(), fits) &&
           name.find_first_not_of("0123456789") != std::string_view::npos;
}

}  // namespace imgforge::seeds
