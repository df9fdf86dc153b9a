// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/paths.hpp"

#include <sstream>

#include "builder/guest/guest_fs.hpp"

namespace imgforge::sysprep {

namespace {

/// Place of the "}" that closes the "{" at `open`, and of the commas between; nothing when it is not closed.
std::vector<std::size_t> brace_marks(std::string_view pattern, std::size_t open) {
    std::vector<std::size_t> marks{open};
    int depth = 0;
    for (std::size_t at = open; at < pattern.size(); ++at) {
        depth += pattern[at] == '{' ? 1 : pattern[at] == '}' ? -1 : 0;
        if (depth == 0 || (depth == 1 && pattern[at] == ',')) {
            marks.push_back(at);
        }
        if (depth == 0) {
            return marks;
        }
    }
    return {};
}

void append(std::vector<std::string>& to, const std::vector<std::string>& more) {
    to.insert(to.end(), more.begin(), more.end());
}

}  // namespace

std::vector<std::string> without_braces(std::string_view pattern) {
    const std::size_t open = pattern.find('{');
    const auto marks =
        open == std::string_view::npos ? std::vector<std::size_t>() : brace_marks(pattern, open);
    if (marks.empty()) {
        return {std::string(pattern)};
    }
    std::vector<std::string> all;
    for (std::size_t index = 0; index + 1 < marks.size(); ++index) {
        std::string one(pattern.substr(0, open));
        one += pattern.substr(marks[index] + 1, marks[index + 1] - marks[index] - 1);
        one += pattern.substr(marks.back() + 1);
        append(all, without_braces(one));
    }
    return all;
}

std::vector<std::string> below_homes(std::string_view pattern, const std::vector<std::string>& homes) {
    if (!pattern.starts_with("~/")) {
        return {std::string(pattern)};
    }
    std::vector<std::string> all;
    for (const std::string& home : homes) {
        all.push_back(guest::glob_quote(home) + std::string(pattern.substr(1)));
    }
    return all;
}

PathSet paths_of(const Operation& operation, const std::vector<std::string>& homes) {
    PathSet set{operation.remove, operation.empty, {}};
    for (const std::string& folder : operation.clear) {
        set.clear.push_back(guest::glob_quote(folder));
    }
    std::istringstream words(operation.paths);
    for (std::string word; words >> word;) {
        if (word.starts_with('=')) {
            append(set.empty, below_homes(std::string_view(word).substr(1), homes));
        } else if (word.ends_with('/')) {
            append(set.clear, below_homes(std::string_view(word).substr(0, word.size() - 1), homes));
        } else {
            append(set.remove, below_homes(word, homes));
        }
    }
    return set;
}

}  // namespace imgforge::sysprep
