// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace imgforge {

/// Whether this host's /usr/share/zoneinfo has the zone ("Europe/Berlin"). True as well where the host has
/// no zoneinfo, since nothing is known there; false for empty, absolute and climbing names.
bool is_time_zone(std::string_view name);

}  // namespace imgforge
