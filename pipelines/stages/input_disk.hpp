// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/image/backing_chain.hpp"
#include "pipelines/engine/stage_data.hpp"

namespace imgforge::stages {

/// Fact of a stage that puts its layer on a file outside of the store: the files of that chain, which
/// image::open_image accepted.
inline constexpr const char* stated_images_fact = "stated_images";

/// What the disk of the stages before may refer to: layers and golden images of the store, and the files that
/// an `overlay: {base: …}` of this recipe stated.
image::ChainPolicy input_policy(const engine::StageTask& task);

}  // namespace imgforge::stages
