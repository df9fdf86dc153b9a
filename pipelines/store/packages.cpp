// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/store/packages.hpp"

#include <algorithm>
#include <functional>
#include <map>
#include <tuple>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge::store {
namespace {

void each_line(std::string_view text, const std::function<void(std::string_view)>& body) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size());
        body(text.substr(0, end));
        text.remove_prefix(std::min(end + 1, text.size()));
    }
}

std::vector<std::string> split(std::string_view line, char separator) {
    std::vector<std::string> parts;
    for (;;) {
        const std::size_t end = line.find(separator);
        parts.emplace_back(line.substr(0, end));
        if (end == std::string_view::npos) {
            return parts;
        }
        line.remove_prefix(end + 1);
    }
}

std::string trimmed(std::string_view text) {
    const std::size_t first = text.find_first_not_of(" \t\r");
    if (first == std::string_view::npos) {
        return {};
    }
    return std::string(text.substr(first, text.find_last_not_of(" \t\r") - first + 1));
}

/// Stanzas of "key SEPARATOR value" lines parted by empty lines: dpkg's and apk's databases. Continuation
/// lines are skipped.
void each_stanza(std::string_view text,
                 const std::function<void(const std::map<std::string, std::string>&)>& body) {
    std::map<std::string, std::string> stanza;
    const auto finish = [&] {
        if (!stanza.empty()) {
            body(stanza);
        }
        stanza.clear();
    };
    each_line(text, [&](std::string_view line) {
        if (line.empty()) {
            finish();
        } else if (const std::size_t colon = line.find(':');
                   line.front() != ' ' && line.front() != '\t' && colon != std::string_view::npos) {
            // The first one counts: apk repeats one-letter keys for the files of a package.
            stanza.emplace(line.substr(0, colon), trimmed(line.substr(colon + 1)));
        }
    });
    finish();
}

std::string value(const std::map<std::string, std::string>& stanza, const std::string& key) {
    const auto found = stanza.find(key);
    return found == stanza.end() ? std::string() : found->second;
}

/// rpm writes "(none)" for a tag that is not there.
std::string tag(const std::string& text) {
    return text == "(none)" ? std::string() : text;
}

}  // namespace

std::vector<Package> parse_dpkg_status(std::string_view text) {
    std::vector<Package> packages;
    each_stanza(text, [&](const std::map<std::string, std::string>& stanza) {
        const std::string status = value(stanza, "Status");
        // dpkg(1), "Package states": in the others its files are there, with triggers pending or not
        // configured yet.
        const std::string state = status.substr(status.rfind(' ') + 1);
        if (state.empty() || state == "not-installed" || state == "config-files" ||
            state == "half-installed") {
            return;
        }
        std::string source = value(stanza, "Source");
        source = source.substr(0, source.find(' '));  // "name (version)"
        packages.push_back({.name = value(stanza, "Package"),
                            .version = value(stanza, "Version"),
                            .architecture = value(stanza, "Architecture"),
                            .source = source,
                            .supplier = value(stanza, "Maintainer")});
    });
    return packages;
}

std::vector<Package> parse_apk_installed(std::string_view text) {
    std::vector<Package> packages;
    each_stanza(text, [&](const std::map<std::string, std::string>& stanza) {
        if (value(stanza, "P").empty()) {
            return;
        }
        packages.push_back({.name = value(stanza, "P"),
                            .version = value(stanza, "V"),
                            .architecture = value(stanza, "A"),
                            .source = value(stanza, "o"),
                            .license = value(stanza, "L"),
                            .supplier = value(stanza, "m")});
    });
    return packages;
}

std::vector<Package> parse_rpm_query(std::string_view text) {
    std::vector<Package> packages;
    each_line(text, [&](std::string_view line) {
        const std::vector<std::string> parts = split(line, '\t');
        // gpg-pubkey entries are imported keys, no packages.
        if (parts.size() < 8 || parts[0].empty() || parts[0] == "gpg-pubkey") {
            return;
        }
        const std::string epoch = tag(parts[1]);
        packages.push_back(
            {.name = parts[0],
             .version = fmt::format("{}{}{}-{}", epoch, epoch.empty() ? "" : ":", parts[2], parts[3]),
             .architecture = tag(parts[4]),
             .source = tag(parts[5]),
             .license = tag(parts[6]),
             .supplier = tag(parts[7])});
    });
    return packages;
}

std::vector<Package> parse_pacman_query(std::string_view text) {
    std::vector<Package> packages;
    each_line(text, [&](std::string_view line) {
        const std::vector<std::string> parts = split(trimmed(line), ' ');
        if (parts.size() == 2) {
            packages.push_back({.name = parts[0], .version = parts[1], .architecture = {}});
        }
    });
    return packages;
}

Json packages_to_json(std::vector<Package> packages) {
    std::sort(packages.begin(), packages.end(), [](const Package& a, const Package& b) {
        return std::tie(a.name, a.architecture, a.version) < std::tie(b.name, b.architecture, b.version);
    });
    Json list = Json::array();
    for (const Package& package : packages) {
        Json record = {
            {"name", package.name}, {"version", package.version}, {"architecture", package.architecture}};
        const std::pair<const char*, const std::string&> optional[] = {
            {"source", package.source}, {"license", package.license}, {"supplier", package.supplier}};
        for (const auto& [key, text] : optional) {
            if (!text.empty()) {
                record[key] = text;
            }
        }
        list.push_back(std::move(record));
    }
    return list;
}

std::vector<Package> packages_from_json(const Json& list, const std::string& source) {
    try {
        std::vector<Package> packages;
        for (const Json& record : list) {
            packages.push_back({.name = record.at("name").get<std::string>(),
                                .version = record.at("version").get<std::string>(),
                                .architecture = record.value("architecture", std::string()),
                                .source = record.value("source", std::string()),
                                .license = record.value("license", std::string()),
                                .supplier = record.value("supplier", std::string())});
        }
        return packages;
    } catch (const Json::exception& fault) {
        throw Error(Failure::integrity, fmt::format("{} is damaged: {}", source, fault.what()));
    }
}

}  // namespace imgforge::store
