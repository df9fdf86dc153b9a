// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/store/generation.hpp"

namespace imgforge::store {

/// What the generation's disk is called in storage pools of other hosts, "imgforge-….qcow2": the same for
/// everybody who brings it there, so that it lies there once. Two generations with one disk share it.
std::string volume_name(const Generation& generation);

}  // namespace imgforge::store
