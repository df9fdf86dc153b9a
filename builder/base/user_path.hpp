// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

namespace imgforge {

/// A path of a settings file, where no shell has replaced "~" yet: "~/x" is x in the directory that HOME
/// names; every other text, also "~name/x" and when HOME is unset or relative, stays as it is.
std::string user_path(const std::string& text);

}  // namespace imgforge
