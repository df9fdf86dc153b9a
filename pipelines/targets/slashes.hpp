// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string>

namespace imgforge::targets {

/// `text` without slashes at its end. The first `keep` characters stay: 1 for a path, where "/" is the root.
inline std::string without_end_slashes(std::string text, std::size_t keep = 0) {
    while (text.size() > keep && text.ends_with('/')) {
        text.pop_back();
    }
    return text;
}

}  // namespace imgforge::targets
