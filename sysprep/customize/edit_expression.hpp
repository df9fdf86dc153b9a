// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <regex>
#include <string>
#include <string_view>

namespace imgforge::sysprep {

/// `s/pattern/replacement/flags` as in Perl, for one line at a time: any delimiter that is neither letter,
/// digit, blank nor backslash; ECMAScript pattern; flags g (every match, else the first of a line) and i. In
/// the replacement \1 and $1 are groups, $& the match, \n and \t what they say, any other escaped character
/// itself.
class EditExpression {
public:
    /// Throws Failure::recipe with what is wrong, and where.
    explicit EditExpression(std::string_view text);
    std::string apply(const std::string& line) const;

private:
    std::regex pattern_;
    std::string replacement_;
    bool every_ = false;
};

}  // namespace imgforge::sysprep
