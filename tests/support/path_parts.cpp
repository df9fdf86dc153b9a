// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/support/path_parts.hpp"

#include <cstddef>
#include <utility>

namespace imgforge::guest {

std::vector<std::string> components(std::string_view path) {
    std::vector<std::string> parts;
    std::string part;
    for (const char character : std::string(path) + "/") {
        if (character != '/') {
            part += character;
        } else if (!part.empty()) {
            parts.push_back(std::exchange(part, {}));
        }
    }
    return parts;
}

std::vector<std::string> braces_expanded(const std::string& pattern) {
    int depth = 0;
    std::size_t open = std::string::npos;
    std::vector<std::size_t> commas;
    for (std::size_t index = 0; index < pattern.size(); ++index) {
        if (pattern[index] == '\\') {
            ++index;
        } else if (pattern[index] == '{' && depth++ == 0) {
            open = index;
        } else if (pattern[index] == ',' && depth == 1) {
            commas.push_back(index);
        } else if (pattern[index] == '}' && --depth == 0) {
            std::vector<std::string> all;
            commas.push_back(index);
            std::size_t start = open + 1;
            for (const std::size_t comma : commas) {
                const std::string one = pattern.substr(0, open) + pattern.substr(start, comma - start) +
                                        pattern.substr(index + 1);
                const auto more = braces_expanded(one);
                all.insert(all.end(), more.begin(), more.end());
                start = comma + 1;
            }
            return all;
        }
    }
    return {pattern};
}

}  // namespace imgforge::guest
