// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/image/backing_chain.hpp"
#include "pipelines/engine/stage_data.hpp"

namespace imgforge::stages {

/// What the disk of the stages before may refer to: layers and golden images of the store, and the files that
/// an `overlay: {base: …}` of this recipe stated.
image::ChainPolicy input_policy(const engine::StageTask& task);

}  // namespace imgforge::stages
