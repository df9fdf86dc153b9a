// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/base/byte_size.hpp"
#include "builder/install/media_probe.hpp"
#include "pipelines/engine/stage_data.hpp"
#include "templates/distribution.hpp"

namespace imgforge::stages {

/// What can be said of the medium before anything is downloaded: that there is one, that imgforge can
/// assemble the suite of `archive`, and that it makes what `os` says. `pointer` is where the install stage
/// stands.
void check_medium(const engine::RecipeFacts& recipe, const YamlDocument& document, const std::string& pointer,
                  Diagnostics& diagnostics);

/// What the machine and a medium that is here already show before anything runs: a local ISO is recognised
/// and is of the system `os:` names, memory and disk are no less than its installer needs. One that is
/// downloaded is looked at when it is here.
void check_local_medium(const engine::RecipeFacts& recipe, const YamlDocument& document,
                        Diagnostics& diagnostics);

/// machine.memory and machine.disk of the recipe, or what the row wants.
ByteSize machine_memory(const engine::RecipeFacts& recipe, const templates::Distribution& row);
ByteSize machine_disk(const engine::RecipeFacts& recipe, const templates::Distribution& row);

/// Each throws Failure::recipe: a medium of another system than `os:`, less memory or a smaller disk than the
/// row's installer needs.
void require_medium_of(const engine::RecipeFacts& recipe, const install::MediaInfo& medium);
void require_memory(const engine::RecipeFacts& recipe, const templates::Distribution& row);
void require_disk(const engine::RecipeFacts& recipe, const templates::Distribution& row);

}  // namespace imgforge::stages
