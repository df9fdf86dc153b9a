// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge {

/// What usually fixes the fault that yaml-cpp calls `message`; empty when there is no usual thing. For
/// strict_yaml.cpp.
std::string yaml_remedy(std::string_view message);

}  // namespace imgforge
