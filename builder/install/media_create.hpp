// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>

#include "builder/base/monitor.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "builder/install/made_medium.hpp"

namespace imgforge::install {

/// Assembles the medium in `places.media()`, or finds it there: the name holds a digest of everything on it.
/// Only apt touches the network; signatures are checked by apt with the archive's keyring, and every file
/// against the signed index. Needs no root. Throws Failure::host when a program is missing,
/// Failure::tool/recipe with what apt says.
MadeMedium create_media(const MediaRequest& request, const Places& places, ProcessRunner& runner,
                        Monitor& monitor, std::uint64_t activity = 0);

}  // namespace imgforge::install
