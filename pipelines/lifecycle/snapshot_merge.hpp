// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Writes what external snapshots of other tools hold back into root and data disks, running or not, and
/// forgets those snapshots. False when the domain is on its own disks already. An interruption loses nothing:
/// the domain stays on the upper file until all of it is in the lower one.
bool merge_snapshots(Lifecycle& lifecycle, std::string_view name);

}  // namespace imgforge::lifecycle
