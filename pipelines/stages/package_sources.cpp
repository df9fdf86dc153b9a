// SPDX-License-Identifier: GPL-3.0-or-later
// Where a guest gets its updates from: sources.list(5), yum.conf(5), apk-repositories(5).
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
            if (is_url(words[i])) {
                sources.insert({"apt", without_slash(words[i]), words[i + 1]});
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
        const bool binary = stanza["Types"].find("deb-src") == std::string::npos || words_of(stanza["Types"]).size() > 1;
        if (binary && stanza["Enabled"] != "no") {
            for (const std::string& uri : words_of(stanza["URIs"])) {
                for (const std::string& suite : words_of(stanza["Suites"])) {
                    sources.insert({"apt", without_slash(uri), suite});
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

void read_yum_repository(const std::string& text, Sources& sources) {
    std::istringstream lines(text);
    for (std::string line; std::getline(lines, line);) {
        const std::size_t equals = line.find('=');
        if (equals != std::string::npos && words_of(line.substr(0, equals)) == std::vector<std::string>{"baseurl"}) {
            for (const std::string& uri : words_of(line.substr(equals + 1))) {
                // $releasever and the like are known to the guest only; such a source cannot be asked from here.
                sources.insert({uri.find('$') == std::string::npos ? "yum" : "unknown", without_slash(uri), ""});
            }
        } else if (line.rfind("mirrorlist", 0) == 0 || line.rfind("metalink", 0) == 0) {
            sources.insert({"unknown", line.substr(line.find('=') + 1), ""});
        }
    }
}

}  // namespace

Json package_sources(const std::map<std::string, std::string>& configuration) {
    Sources sources;
    for (const auto& [path, text] : configuration) {
        if (path.find("/yum.repos.d/") != std::string::npos) {
            read_yum_repository(text, sources);
        } else if (path == "/etc/apk/repositories") {
            for (const std::string& word : words_of(text)) {
                if (is_url(word)) {
                    sources.insert({"apk", without_slash(word), ""});
                }
            }
        } else if (path.size() > 8 && path.substr(path.size() - 8) == ".sources") {
            read_deb822(text, sources);
        } else {
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
