// SPDX-License-Identifier: GPL-3.0-or-later
// Where a guest gets its updates from: sources.list(5), yum.conf(5), apk-repositories(5).
#include <cctype>
#include <set>
#include <sstream>

#include "pipelines/stages/contents.hpp"

namespace imgforge::stages {
namespace {

using Sources = std::set<std::vector<std::string>>;  // {type, uri, suite}

std::vector<std::string> words_of(const std::string& line) {
    std::istringstream stream(line);
    std::vector<std::string> words;
    for (std::string word; stream >> word;) {
        words.push_back(word);
    }
    return words;
}

bool is_url(const std::string& word) {
    return word.rfind("http://", 0) == 0 || word.rfind("https://", 0) == 0;
}

/// "mirror+https://…", "ftp://…", "file:/srv": a source, but none that can be asked from here. A medium
/// (cdrom:) never changes.
bool is_foreign_uri(const std::string& word) {
    const std::size_t colon = word.find(":/");
    return colon != std::string::npos && colon > 0 && word.rfind("cdrom:", 0) != 0 &&
           word.find_first_of("=[]") == std::string::npos;
}

std::string without_slash(std::string uri) {
    while (!uri.empty() && uri.back() == '/') {
        uri.pop_back();
    }
    return uri;
}

/// "deb [arch=amd64 signed-by=…] URI SUITE COMPONENT…"
void read_one_line_list(const std::string& text, Sources& sources) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::vector<std::string> words = words_of(line.substr(0, line.find('#')));
        if (words.empty() || words[0] != "deb") {
            continue;
        }
        for (std::size_t i = 1; i + 1 < words.size(); ++i) {
            if (is_url(words[i]) || is_foreign_uri(words[i])) {
                sources.insert({is_url(words[i]) ? "apt" : "unknown", without_slash(words[i]), words[i + 1]});
                break;
            }
        }
    }
}

/// Stanzas with Types, URIs, Suites; a value may go on in indented lines.
void read_deb822(const std::string& text, Sources& sources) {
    std::map<std::string, std::string> stanza;
    std::string key;
    const auto finish = [&] {
        const bool binary =
            stanza["Types"].find("deb-src") == std::string::npos || words_of(stanza["Types"]).size() > 1;
        if (binary && stanza["Enabled"] != "no") {
            for (const std::string& uri : words_of(stanza["URIs"])) {
                for (const std::string& suite : words_of(stanza["Suites"])) {
                    if (is_url(uri) || is_foreign_uri(uri)) {
                        sources.insert({is_url(uri) ? "apt" : "unknown", without_slash(uri), suite});
                    }
                }
            }
        }
        stanza.clear();
    };
    std::istringstream lines(text + "\n\n");
    for (std::string line; std::getline(lines, line);) {
        if (words_of(line).empty()) {
            finish();
        } else if (line[0] == '#') {
            continue;
        } else if (line[0] == ' ' || line[0] == '\t') {
            stanza[key] += " " + line;
        } else if (const std::size_t colon = line.find(':'); colon != std::string::npos) {
            key = line.substr(0, colon);
            const std::vector<std::string> words = words_of(line.substr(colon + 1));
            for (const std::string& word : words) {
                stanza[key] += (stanza[key].empty() ? "" : " ") + word;
            }
        }
    }
}

std::string trimmed(const std::string& text) {
    const std::size_t start = text.find_first_not_of(" \t\r");
    return start == std::string::npos ? std::string()
                                      : text.substr(start, text.find_last_not_of(" \t\r") - start + 1);
}

/// What dnf.conf(5) and zypp put in place of $name. From the guest's inspection and its /etc/dnf/vars.
using Variables = std::map<std::string, std::string>;

std::string expanded(const std::string& text, const Variables& variables) {
    std::string result;
    for (std::size_t i = 0; i < text.size(); ++i) {
        if (text[i] != '$') {
            result += text[i];
            continue;
        }
        const bool braces = i + 1 < text.size() && text[i + 1] == '{';
        std::size_t end = i + (braces ? 2 : 1);
        const std::size_t start = end;
        while (end < text.size() &&
               (std::isalnum(static_cast<unsigned char>(text[end])) != 0 || text[end] == '_')) {
            ++end;
        }
        const auto value = variables.find(text.substr(start, end - start));
        if (value == variables.end()) {
            return text;  // known to the guest only
        }
        result += value->second;
        i = end - (braces ? 0U : 1U);
    }
    return result;
}

/// One [section] of an INI file of yum, dnf or zypp; switched off with enabled=0.
void add_repository(std::map<std::string, std::string>& section, const Variables& variables,
                    Sources& sources) {
    if (section["enabled"] != "0" && section["enabled"] != "false" && section["enabled"] != "no") {
        const auto add = [&](const char* type, const std::string& written) {
            const std::string uri = expanded(written, variables);
            const bool known = is_url(uri) && uri.find('$') == std::string::npos;
            sources.insert({known ? type : "unknown", without_slash(uri), ""});
        };
        if (!section["metalink"].empty()) {
            add("metalink", section["metalink"]);
        } else if (!section["mirrorlist"].empty()) {
            add(section["mirrorlist"].find("metalink") == std::string::npos ? "mirrorlist" : "metalink",
                section["mirrorlist"]);
        } else {
            for (const std::string& uri : words_of(section["baseurl"])) {
                add("yum", uri);
            }
        }
    }
    section.clear();
}

void read_yum_repository(const std::string& text, const Variables& variables, Sources& sources) {
    std::istringstream lines(text);
    std::map<std::string, std::string> section;
    std::string key;
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        if (line.empty() || line[0] == '#' || line[0] == ';') {
            continue;
        }
        if (line[0] == '[') {
            add_repository(section, variables, sources);
            key.clear();
        } else if (line[0] == ' ' || line[0] == '\t') {
            section[key] += " " + trimmed(line);
        } else if (equals != std::string::npos) {
            key = trimmed(line.substr(0, equals));
            section[key] = trimmed(line.substr(equals + 1));
        }
    }
    add_repository(section, variables, sources);
}

void read_apk_repositories(const std::string& text, Sources& sources) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        for (const std::string& word : words_of(line.substr(0, line.find('#')))) {
            if (is_url(word)) {
                sources.insert({"apk", without_slash(word), ""});
            }
        }
    }
}

Variables variables_of(const std::map<std::string, std::string>& configuration, const guest::Inspection& os) {
    Variables variables{{"basearch", os.arch}, {"arch", os.arch}};
    // openSUSE Leap has 15.6, the Red Hat family and Fedora the major number alone.
    variables["releasever"] = os.distro.find("suse") != std::string::npos && os.minor > 0
                                  ? std::to_string(os.major) + "." + std::to_string(os.minor)
                                  : std::to_string(os.major);
    for (const auto& [path, text] : configuration) {
        if (path.find("/vars/") != std::string::npos) {
            variables[path.substr(path.rfind('/') + 1)] = trimmed(text.substr(0, text.find('\n')));
        }
    }
    return variables;
}

}  // namespace

Json package_sources(const std::map<std::string, std::string>& configuration, const guest::Inspection& os) {
    Sources sources;
    const Variables variables = variables_of(configuration, os);
    for (const auto& [path, text] : configuration) {
        if (path.find("/repos.d/") != std::string::npos || path.find("/yum.repos.d/") != std::string::npos) {
            read_yum_repository(text, variables, sources);
        } else if (path == "/etc/apk/repositories") {
            read_apk_repositories(text, sources);
        } else if (path == "/etc/pacman.conf") {
            sources.insert({"unknown", "pacman", ""});
        } else if (path.size() > 8 && path.substr(path.size() - 8) == ".sources") {
            read_deb822(text, sources);
        } else if (path.find("/vars/") == std::string::npos) {
            read_one_line_list(text, sources);
        }
    }
    Json list = Json::array();
    for (const std::vector<std::string>& source : sources) {
        list.push_back({{"type", source[0]}, {"uri", source[1]}, {"suite", source[2]}});
    }
    return list;
}

}  // namespace imgforge::stages
