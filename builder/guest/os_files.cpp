// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/os_files.hpp"

#include <array>
#include <sstream>
#include <utility>

namespace imgforge::guest {

namespace {

std::string trimmed(std::string_view text) {
    const std::size_t start = text.find_first_not_of(" \t\r");
    if (start == std::string_view::npos) {
        return {};
    }
    return std::string(text.substr(start, text.find_last_not_of(" \t\r") - start + 1));
}

std::string unquoted(std::string text) {
    if (text.size() >= 2 && (text.front() == '"' || text.front() == '\'') && text.back() == text.front()) {
        const bool escapes = text.front() == '"';
        text = text.substr(1, text.size() - 2);
        if (escapes) {
            std::string plain;
            for (std::size_t index = 0; index < text.size(); ++index) {
                if (text[index] == '\\' && index + 1 < text.size()) {
                    ++index;
                }
                plain += text[index];
            }
            return plain;
        }
    }
    return text;
}

/// fstab(5): "\040" stands for a space.
std::string octal_decoded(std::string_view text) {
    std::string plain;
    for (std::size_t index = 0; index < text.size(); ++index) {
        const auto digit = [&](std::size_t at) {
            return at < text.size() && text[at] >= '0' && text[at] <= '7';
        };
        if (text[index] == '\\' && digit(index + 1) && digit(index + 2) && digit(index + 3)) {
            plain += static_cast<char>((text[index + 1] - '0') * 64 + (text[index + 2] - '0') * 8 +
                                       (text[index + 3] - '0'));
            index += 3;
        } else {
            plain += text[index];
        }
    }
    return plain;
}

}  // namespace

std::map<std::string, std::string> parse_key_values(std::string_view text) {
    std::map<std::string, std::string> values;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        const std::string content = trimmed(line);
        const std::size_t equals = content.find('=');
        if (content.empty() || content.front() == '#' || equals == std::string::npos) {
            continue;
        }
        values[trimmed(content.substr(0, equals))] = unquoted(trimmed(content.substr(equals + 1)));
    }
    return values;
}

std::string FstabEntry::option(std::string_view name) const {
    for (const std::string& option : options) {
        if (option.size() > name.size() && option.starts_with(name) && option[name.size()] == '=') {
            return option.substr(name.size() + 1);
        }
    }
    return {};
}

bool FstabEntry::has(std::string_view name) const {
    for (const std::string& option : options) {
        if (option == name) {
            return true;
        }
    }
    return false;
}

std::vector<FstabEntry> parse_fstab(std::string_view text) {
    std::vector<FstabEntry> entries;
    std::istringstream lines{std::string(text)};
    for (std::string line; std::getline(lines, line);) {
        std::istringstream words(line);
        FstabEntry entry;
        std::string options;
        if (!(words >> entry.spec >> entry.mount_point >> entry.type) || entry.spec.front() == '#') {
            continue;
        }
        words >> options;
        entry.spec = unquoted(octal_decoded(entry.spec));
        // UUID="…" is accepted by mount(8)
        if (const std::size_t equals = entry.spec.find('='); equals != std::string::npos) {
            entry.spec = entry.spec.substr(0, equals + 1) + unquoted(entry.spec.substr(equals + 1));
        }
        entry.mount_point = octal_decoded(entry.mount_point);
        std::istringstream parts(options);
        for (std::string part; std::getline(parts, part, ',');) {
            entry.options.push_back(part);
        }
        entries.push_back(std::move(entry));
    }
    return entries;
}

std::pair<std::string, std::string> distro_of(const std::map<std::string, std::string>& os_release) {
    const auto get = [&](const char* key) {
        const auto found = os_release.find(key);
        return found == os_release.end() ? std::string() : found->second;
    };
    const std::string id = get("ID");
    static const std::array<std::array<std::string_view, 3>, 20> known{{
        {"debian", "debian", "debian"},
        {"ubuntu", "ubuntu", "debian"},
        {"linuxmint", "linuxmint", "debian"},
        {"raspbian", "debian", "debian"},
        {"kali", "kalilinux", "debian"},
        {"fedora", "fedora", "redhat"},
        {"rhel", "rhel", "redhat"},
        {"centos", "centos", "redhat"},
        {"rocky", "rocky", "redhat"},
        {"almalinux", "redhat-based", "redhat"},
        {"ol", "oraclelinux", "redhat"},
        {"amzn", "redhat-based", "redhat"},
        {"opensuse-leap", "opensuse", "suse"},
        {"opensuse-tumbleweed", "opensuse", "suse"},
        {"sles", "sles", "suse"},
        {"sled", "sles", "suse"},
        {"opensuse", "opensuse", "suse"},
        {"alpine", "alpinelinux", "alpine"},
        {"arch", "archlinux", "arch"},
        {"manjaro", "archlinux", "arch"},
    }};
    for (const auto& row : known) {
        if (row[0] == id) {
            return {std::string(row[1]), std::string(row[2])};
        }
    }
    std::istringstream like(get("ID_LIKE"));
    for (std::string word; like >> word;) {
        if (word == "suse") {
            return {id, "suse"};
        }
        for (const auto& row : known) {
            if (row[0] == word) {
                return {id, std::string(row[2])};
            }
        }
    }
    return {id.empty() ? "unknown" : id, "other"};
}

}  // namespace imgforge::guest
