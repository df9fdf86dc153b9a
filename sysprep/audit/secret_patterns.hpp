// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "sysprep/needles.hpp"

namespace imgforge::sysprep::audit {

/// Part of a buffer: where a secret starts and how long it is.
struct Span {
    std::size_t start = 0;
    std::size_t length = 0;
};

/// One thing searched for: a literal that the multi-pattern matcher finds at disk speed, and a closer look
/// that decides whether the place really holds a secret (a library's string table is full of "BEGIN PRIVATE
/// KEY").
struct Pattern {
    std::string rule;   ///< "secret:private-key", "needle:machine-id"
    std::string label;  ///< what a report may say; never the value
    std::string literal;
    bool caseless = false;
    /// Looks at `data` around the literal at `at`; gives the whole secret, or nothing for a false alarm. At
    /// most look_behind before and look_ahead after are looked at.
    std::function<std::optional<Span>(std::string_view data, std::size_t at)> verify;
    /// Only in guest files whose path this accepts (decoded content); empty: everywhere.
    std::function<bool(std::string_view path)> where{};
    /// A regular expression (of Hyperscan) in place of the literal; `at` is then as many bytes before the end
    /// of its match as `literal` is long.
    std::string expression{};
};

constexpr std::size_t look_behind = 128;
constexpr std::size_t look_ahead = 2048;

/// Patterns that need no knowledge of the image: private keys, crypt(3) hashes, cloud and forge tokens, JSON
/// web tokens, installer answers.
const std::vector<Pattern>& generic_patterns();

/// One pattern per needle. Words (hostnames, addresses) count only when no letter or digit touches them.
std::vector<Pattern> needle_patterns(const Needles& needles);

}  // namespace imgforge::sysprep::audit
