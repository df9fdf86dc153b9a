// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/cli/command.hpp"

namespace imgforge::cli {

/// `imgforge report --site DIR`: pages about every image of the store, with the SBOM and attestation of each
/// generation beside them. Returns the exit code.
int write_report_site(const std::filesystem::path& directory, CommandContext& context);

}  // namespace imgforge::cli
