// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>

#include "templates/distribution.hpp"

namespace imgforge::templates {

/// Name of the first distribution, in the order of their names, one of whose detection rules `holds`. Reads
/// the rules only and leaves each row's other keys and its family alone, so that a medium is recognised in a
/// millisecond. Nothing when no rule holds, and also when there are rows of the user's own: those are read
/// whole (distributions()), so that an error in one is reported.
std::optional<std::string> first_distribution(const std::function<bool(const Detection&)>& holds);

}  // namespace imgforge::templates
