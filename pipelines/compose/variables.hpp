// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "builder/base/diagnostics.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge::compose {

/// One image of a matrix: the variables that make it, in the order they are written.
struct Combination {
    std::vector<std::pair<std::string, Json>> values{};
    std::vector<std::string> pointers{};  ///< where each value stands
    std::string suffix() const;           ///< "bookworm-small": what tells the images apart
};

/// The images of `matrix:`: every combination of a map of lists, or the maps of a list. One empty combination
/// without a matrix. Variables may be used in it.
std::vector<Combination> combinations(const YamlDocument& document, Diagnostics& diagnostics);

/// How --set matrix.NAME=VALUE and names of images speak of a value: a text itself, the `name` of a map.
std::string value_text(const Json& value);

/// The recipe with every `${name}` replaced by the variable: with its type where the whole value is one
/// `${name}`, as text elsewhere, in keys as well. `$${` is a plain `${`; `${a.b}` is the member b of a map.
/// `${secrets.name}` stays, for the stage that hands it to the guest. A name that is unknown, a circle, a
/// list within a text and a `${` without end are errors at their place. A value that is a variable stands
/// where the variable is defined. Values below `vars`, `matrix` and `secrets` are not touched; the image's
/// name gets the combination's suffix unless it uses a variable of the matrix itself.
YamlDocument resolved(const YamlDocument& document, const Combination& combination, Diagnostics& diagnostics);

}  // namespace imgforge::compose
