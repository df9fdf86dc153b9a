// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/store/generation.hpp"

namespace imgforge::store {

/// The distribution in a generation by its row's name ("debian13"), as the manifest says; empty when it says
/// none.
std::string image_os(const Generation& generation);

}  // namespace imgforge::store
