// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "sysprep/operation.hpp"

namespace imgforge::sysprep {

/// The operations that `--operations` names, in the order they run. Empty text: the default set. "a,b": only
/// these. "-c": the default set without it. "defaults" and "all" stand for those sets: "all,-logs",
/// "defaults,build-users". Throws Failure::usage for unknown names, all of them at once, with the nearest
/// known one.
std::vector<Operation> select_operations(std::string_view text, std::vector<Operation> all);

}  // namespace imgforge::sysprep
