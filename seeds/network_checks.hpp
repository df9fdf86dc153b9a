// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/diagnostics.hpp"
#include "builder/base/guest_yaml.hpp"
#include "seeds/guest.hpp"

namespace imgforge::seeds {

/// A network-config text, version 1 or 2, with or without the outer `network:`. Errors: what cloud-init
/// raises on or leaves a card without its address. Warnings: what it takes but nobody means.
Diagnostics check_network_text(const std::string& text, const std::string& name, const Guest& guest);

/// The same for a tree that was read or made before; `yaml` gives the places.
void check_network_tree(const GuestYaml& yaml, const Guest& guest, Diagnostics& diagnostics);

/// The links between the entries of version 1: names, addresses, routes. `pointer` leads to the body.
void check_network_v1(const GuestYaml& yaml, const std::string& pointer, const Json& body,
                      Diagnostics& diagnostics);
/// The same for version 2.
void check_network_v2(const GuestYaml& yaml, const std::string& pointer, const Json& body, const Guest& guest,
                      Diagnostics& diagnostics);

}  // namespace imgforge::seeds
