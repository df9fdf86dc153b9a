// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>

namespace imgforge::seeds {

/// Well-known questions of debian-installer's components with their type; d-i takes string and select for
/// each other.
const std::map<std::string, std::string>& known_questions();

}  // namespace imgforge::seeds
