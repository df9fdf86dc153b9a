// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

namespace imgforge::sysprep::audit {

/// What a clean image has at the paths of a row.
enum class LeftoverState {
    absent,       ///< no such file (directories may stay)
    empty,        ///< no file, or one without content
    empty_below,  ///< no file anywhere below these directories
};

/// A row of section 1 of SYSPREP.md as the audit sees it.
struct LeftoverRow {
    std::string rule;
    std::string source;
    LeftoverState state;
    std::string what;
    std::vector<std::string> patterns;
    std::vector<std::string> except{};
};

const std::vector<LeftoverRow>& leftover_rows();

}  // namespace imgforge::sysprep::audit
