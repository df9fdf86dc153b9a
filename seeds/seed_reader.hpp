// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/base/diagnostics.hpp"
#include "builder/base/json.hpp"
#include "seeds/seed.hpp"

namespace imgforge::seeds {

/// A seed as it was found, our own or another program's.
struct FoundSeed {
    std::string datasource;  ///< "nocloud", "configdrive", or "unknown"
    std::string label;       ///< volume id; empty for a directory
    SeedFiles files{};
    Diagnostics problems{};  ///< what would keep a guest from using it
};

/// Reads an ISO image (checked whole before, so that damaged and hostile ones end in an error), a vfat or tar
/// image, a block device or a directory.
/// Throws Failure::recipe (a FIFO too) or Failure::integrity; more than 64 MiB or 4096 files are refused.
FoundSeed read_seed(const std::filesystem::path& path, const Guest& guest = {});

/// What the files say and lack.
/// Errors mean that cloud-init does not take the medium, or drops what is on it.
FoundSeed judge_seed(SeedFiles files, std::string label, const Guest& guest = {});

/// `{datasource, label, files:[{path, size, sha256}], problems:[]}`.
Json seed_record(const FoundSeed& seed);

}  // namespace imgforge::seeds
