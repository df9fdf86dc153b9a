// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "pipelines/engine/build_facts.hpp"

namespace imgforge::stages {

/// RUN/STAGE/checks.json: what a verify stage saw, also when it failed: the page and the JUnit file of a run
/// are made from it.
void write_checks(const std::filesystem::path& run_folder, const std::string& stage,
                  const engine::VerifyFacts& facts);

}  // namespace imgforge::stages
