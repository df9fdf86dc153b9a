// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <set>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/install/apt_archive.hpp"

namespace imgforge::install {

/// Downloads of packages, kept by SHA-256 in `folder`; a file appears there only after apt has checked it.
class PackageCache {
public:
    PackageCache(ProcessRunner& runner, std::filesystem::path folder);

    std::filesystem::path path_of(const IndexedPackage& package) const;
    /// Fetches what is not there yet; returns the names of those the mirror does not have. `progress` hears
    /// bytes done of bytes wanted. Other failures (network, wrong checksum) throw.
    std::set<std::string> fetch(const AptArchive& archive, const std::vector<IndexedPackage>& packages,
                                const std::function<void(std::uint64_t, std::uint64_t)>& progress = {});

private:
    std::set<std::string> fetch_batch(const AptArchive& archive, const std::vector<IndexedPackage>& batch);

    ProcessRunner& runner_;
    std::filesystem::path folder_;
};

}  // namespace imgforge::install
