// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::guest {

/// The names between the slashes of a path: "/a//b" has "a" and "b".
std::vector<std::string> components(std::string_view path);

/// {a,b} alternatives as GLOB_BRACE expands them.
std::vector<std::string> braces_expanded(const std::string& pattern);

}  // namespace imgforge::guest
