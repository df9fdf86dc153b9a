// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/diagnostics.hpp"
#include "seeds/guest.hpp"

namespace imgforge::seeds {

/// What can be said of a jinja template before its values are known: the kind of the text below the first
/// line, and keys that do not exist. Values are judged only where no statement can change them, as warnings.
Diagnostics check_jinja(const std::string& text, const std::string& name, const Guest& guest);

}  // namespace imgforge::seeds
