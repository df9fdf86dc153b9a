// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::lifecycle {

/// Longest machine name: it is the guest's host name, which Linux limits to 64 bytes, and its first part one
/// DNS label (RFC 1123 section 2.1).
constexpr std::size_t longest_machine_name = 63;

/// Throws Failure::usage unless `name` can be a machine name: 1 to 63 of A-Z a-z 0-9 '-' and '.', no part
/// between dots empty or with a '-' first or last. The message names the error (the offending character, the
/// length), the hint a name near to it that would do.
void check_machine_name(std::string_view name);

/// A pattern of names: "web-{n}", "web-{n:03}" (at least three digits).
class NamePattern {
public:
    /// Throws Failure::usage for a pattern that can never give a good name. A pattern without {n} gives one
    /// name only, unless `numbered`: then "-{n}" is added.
    NamePattern(std::string_view pattern, bool numbered);

    bool is_numbered() const { return numbered_; }
    /// The name for a number from 1 on; a pattern without {n} gives the same name for each.
    std::string name(unsigned number) const;

    /// The first `count` names, counted from 1, that `is_free` accepts. Throws Failure::domain naming the
    /// taken name when the pattern has no number, and Failure::usage when `count` is above 1 then.
    std::vector<std::string> choose(std::size_t count,
                                    const std::function<bool(const std::string&)>& is_free) const;

private:
    std::string before_;
    std::string after_;
    unsigned width_ = 0;
    bool numbered_ = false;
};

}  // namespace imgforge::lifecycle
