// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "pipelines/store/generation.hpp"
#include "pipelines/store/publish.hpp"

namespace imgforge::store {

/// Writes packages.json, sbom.spdx.json, audit.json, files.json.gz (when known) and last manifest.json, which
/// has the digests of all others, into the scratch directory. Returns the record with manifest_sha256 filled
/// in.
Generation write_records(const std::filesystem::path& scratch, const Candidate& candidate, Generation record);

/// Program name and version for records.
std::string tool_version();

}  // namespace imgforge::store
