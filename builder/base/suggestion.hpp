// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge {

/// The candidate nearest to `word` (optimal string alignment distance, case ignored) when it is near enough
/// to be a typing mistake: at most a third of the length, and at least one letter in common.
std::optional<std::string> nearest(std::string_view word, const std::vector<std::string>& candidates);

/// " (did you mean 'x'?)", or empty.
std::string did_you_mean(std::string_view word, const std::vector<std::string>& candidates);

}  // namespace imgforge
