// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/engine/stage_data.hpp"

namespace imgforge::stages {

/// What can be said of the medium before anything is downloaded: that there is one, that imgforge can
/// assemble the suite of `archive`, and that it makes what `os` says. `pointer` is where the install stage
/// stands.
void check_medium(const engine::RecipeFacts& recipe, const YamlDocument& document, const std::string& pointer,
                  Diagnostics& diagnostics);

}  // namespace imgforge::stages
