// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// This program again, with `words` as its arguments, on this store, in a session of its own: it goes on when
/// this command ends. Its output goes to `log`, which is made anew. Throws Failure::host from the system.
void start_in_background(const InstanceLayout& layout, std::vector<std::string> words,
                         const std::filesystem::path& log);

}  // namespace imgforge::lifecycle
