// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"

namespace imgforge::seeds {

/// The mapping with `version`, without an outer `network:`; null stays null.
Json unwrapped_network(const Json& network);

/// OpenStack network_data.json of a version 2 configuration. Throws Failure::recipe, naming the interface,
/// for what the format has no word for: a card without MAC, bridges, tunnels. A key that is left out, or that
/// only cloud-init reads, is a warning about `file` each.
Json openstack_network(const Json& network, const std::string& file, Diagnostics& warnings);

}  // namespace imgforge::seeds
