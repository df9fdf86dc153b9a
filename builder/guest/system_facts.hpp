// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"

namespace imgforge::guest {

/// Fills in what the mounted root says of itself: distribution, version, init, package format, hostname,
/// architecture.
void read_system(Appliance& appliance, GuestFs& fs, Inspection& os);

/// A regular file behind links, at most 1 MiB; "" when there is none.
std::string read_small(GuestFs& fs, std::string_view path);

}  // namespace imgforge::guest
