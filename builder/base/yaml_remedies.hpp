// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge {

/// What usually fixes the error that yaml-cpp calls `message`; empty when nothing usual is known. For
/// strict_yaml.cpp.
std::string yaml_remedy(std::string_view message);

}  // namespace imgforge
