// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/json.hpp"

namespace imgforge {

/// The text of a member of foreign JSON; empty when `object` is not an object, has no such member, or one
/// that is not text.
inline std::string text_at(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

}  // namespace imgforge
