// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysprep/operation.hpp"

namespace imgforge::sysprep {

/// The patterns of an operation by what is done with them; all start with "/".
struct PathSet {
    std::vector<std::string> remove{};
    std::vector<std::string> empty{};
    std::vector<std::string> clear{};
};

/// `paths` of the operation taken apart, with "~/" written out for each of `homes`, and its three lists. The
/// patterns of a row without homes do not depend on `homes`.
PathSet paths_of(const Operation& operation, const std::vector<std::string>& homes);

/// "~/x" below each of `homes`, any other pattern as it is.
std::vector<std::string> below_homes(std::string_view pattern, const std::vector<std::string>& homes);

/// Braces written out: "/a/{b,c{1,2}}" is "/a/b", "/a/c1", "/a/c2". A brace without partner stays as it is.
std::vector<std::string> without_braces(std::string_view pattern);

}  // namespace imgforge::sysprep
