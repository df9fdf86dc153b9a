// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/engine/stage.hpp"

namespace imgforge::stages {

/// What an upload makes of a host's file, link or directory (builder/guest/guest_fs.hpp): its place in the
/// guest, its mode, its content. Where it lies on the host does not count.
void add_uploaded(std::vector<engine::Ingredient>& list, const engine::RecipeFacts& recipe,
                  const std::filesystem::path& host, const std::string& path);

}  // namespace imgforge::stages
