// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/user_path.hpp"

#include <cstdlib>

namespace imgforge {

std::string user_path(const std::string& text) {
    const char* const home = std::getenv("HOME");
    return text.starts_with("~/") && home != nullptr && *home == '/' ? home + text.substr(1) : text;
}

}  // namespace imgforge
