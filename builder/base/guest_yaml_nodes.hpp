// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/strict_yaml.hpp"

/// What libyaml's events give, before aliases are expanded. For guest_yaml.cpp.
namespace imgforge::guest_yaml {

/// Ends reading: PyYAML would raise here.
struct Stop {
    SourcePosition at;
    std::string message;
    std::string suggestion{};
};

struct Node {
    enum class Type { scalar, sequence, map, alias } type = Type::scalar;
    SourcePosition at;
    std::string text{};                   ///< of a scalar
    std::string tag{};                    ///< "tag:yaml.org,2002:int"; empty when the text decides
    bool plain = false;                   ///< not quoted and no block
    std::size_t target = 0;               ///< of an alias
    std::vector<std::size_t> children{};  ///< map: key, value, key, value …
};

struct Nodes {
    std::vector<Node> list;
};

/// The nodes of the only document, the root first; empty for a text without one. Throws Stop.
Nodes read_nodes(std::string_view text, const YamlLimits& limits);

/// The value PyYAML's SafeConstructor gives. Throws Stop where it raises.
Json scalar_value(const Node& node);

}  // namespace imgforge::guest_yaml
