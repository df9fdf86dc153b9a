// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/store/generation.hpp"

namespace imgforge::store {

/// Throws Failure::host, with what its owner can do, when this user may not read the generation's disk.
void require_readable(const Generation& generation);

}  // namespace imgforge::store
