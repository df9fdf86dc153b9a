// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/selection.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <set>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::sysprep {

namespace {

std::vector<std::string> words_of(std::string_view text) {
    std::vector<std::string> words;
    std::istringstream stream{std::string(text)};
    for (std::string word; std::getline(stream, word, ',');) {
        const std::size_t start = word.find_first_not_of(' ');
        if (start != std::string::npos) {
            words.push_back(word.substr(start, word.find_last_not_of(' ') - start + 1));
        }
    }
    return words;
}

}  // namespace

std::vector<Operation> select_operations(std::string_view text, std::vector<Operation> all) {
    std::vector<std::string> names{"all", "defaults"};
    for (const Operation& operation : all) {
        names.push_back(operation.name);
    }
    const std::vector<std::string> words = words_of(text);
    std::set<std::string> chosen;
    std::string unknown;
    const bool from_defaults = words.empty() || words.front().starts_with("-");
    const auto add_set = [&](bool everything) {
        for (const Operation& operation : all) {
            if (everything || operation.enabled) {
                chosen.insert(operation.name);
            }
        }
    };
    if (from_defaults) {
        add_set(false);
    }
    for (const std::string& word : words) {
        const bool without = word.starts_with("-");
        const std::string name = without ? word.substr(1) : word;
        if (std::find(names.begin(), names.end(), name) == names.end()) {
            unknown += fmt::format("{}'{}'{}", unknown.empty() ? "" : ", ", name, did_you_mean(name, names));
        } else if (name == "all" || name == "defaults") {
            add_set(name == "all");
        } else if (without) {
            chosen.erase(name);
        } else {
            chosen.insert(name);
        }
    }
    if (!unknown.empty()) {
        throw Error(Failure::usage, fmt::format("no such sysprep operation: {}", unknown),
                    "see `imgforge sysprep --list-operations`");
    }
    std::erase_if(all, [&](const Operation& operation) { return !chosen.contains(operation.name); });
    std::stable_sort(all.begin(), all.end(),
                     [](const Operation& left, const Operation& right) { return left.order < right.order; });
    return all;
}

}  // namespace imgforge::sysprep
