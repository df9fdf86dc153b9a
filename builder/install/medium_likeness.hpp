// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "builder/base/error.hpp"
#include "builder/image/iso_reader.hpp"
#include "templates/distribution.hpp"

namespace imgforge::install {

/// The error for a medium that no row knows. Where its kernel and initrd lie as a family keeps them, it says
/// what the medium calls itself and which row to copy; else what was seen.
Error unknown_medium(const image::IsoReader& iso, const std::vector<templates::Distribution>& rows);

}  // namespace imgforge::install
