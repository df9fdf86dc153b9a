// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/base/json.hpp"

namespace imgforge::engine {

/// The schema of recipes as they are written, for editors: recipe_schema() judges what is left when variables
/// are filled in, this one also takes `${name}` in place of any value, `key+:`, a stage without a map, and
/// nothing where a map may be empty.
Json editor_schema(const Json& recipe_schema);

}  // namespace imgforge::engine
