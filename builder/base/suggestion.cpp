// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/suggestion.hpp"

#include "builder/base/text.hpp"

#include <algorithm>
#include <cctype>

#include <fmt/format.h>

namespace imgforge {
namespace {

/// Optimal string alignment: Levenshtein plus swaps of neighbours, the usual typing mistakes.
std::size_t distance(const std::string& a, const std::string& b) {
    std::vector<std::vector<std::size_t>> d(a.size() + 1, std::vector<std::size_t>(b.size() + 1));
    for (std::size_t i = 0; i <= a.size(); ++i) {
        d[i][0] = i;
    }
    for (std::size_t j = 0; j <= b.size(); ++j) {
        d[0][j] = j;
    }
    for (std::size_t i = 1; i <= a.size(); ++i) {
        for (std::size_t j = 1; j <= b.size(); ++j) {
            const std::size_t change = a[i - 1] == b[j - 1] ? 0U : 1U;
            d[i][j] = std::min({d[i - 1][j] + 1, d[i][j - 1] + 1, d[i - 1][j - 1] + change});
            if (i > 1 && j > 1 && a[i - 1] == b[j - 2] && a[i - 2] == b[j - 1]) {
                d[i][j] = std::min(d[i][j], d[i - 2][j - 2] + 1);
            }
        }
    }
    return d[a.size()][b.size()];
}

}  // namespace

std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates) {
    // Long input is not a typing mistake, and the table would be large.
    if (word.empty() || word.size() > 100) {
        return std::nullopt;
    }
    const std::string wanted = lower_case(word);
    std::optional<std::string> best;
    std::size_t best_distance = std::max<std::size_t>(1, wanted.size() / 3) + 1;
    for (const std::string& candidate : candidates) {
        if (candidate.size() > 200) {
            continue;
        }
        const std::size_t d = distance(wanted, lower_case(candidate));
        if (d < best_distance && d < std::max(wanted.size(), candidate.size())) {
            best_distance = d;
            best = candidate;
        }
    }
    return best;
}

std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates) {
    const std::optional<std::string> found = nearest(word, candidates);
    return found ? fmt::format(" (did you mean '{}'?)", *found) : std::string();
}

}  // namespace imgforge
