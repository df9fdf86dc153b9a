// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "pipelines/engine/stage_data.hpp"

namespace imgforge::stages {

/// Writes the recipe's `machine.passphrase` into a file of mode 0600 in `directory`, which must be private
/// and short-lived, for those who open the disk. Returns its path; empty, and nothing is written, for a
/// recipe without one. Throws what reading the secret throws.
std::filesystem::path write_passphrase(const engine::RecipeFacts& recipe,
                                       const std::filesystem::path& directory);

}  // namespace imgforge::stages
