// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/store/files.hpp"
#include "pipelines/store/generation.hpp"
#include "pipelines/store/packages.hpp"

namespace imgforge::store {

struct PackageChange {
    Package before;
    Package after;
};

struct FileChange {
    FileRecord before;
    FileRecord after;
    /// What differs: "content", "mode", "owner", "type", "target".
    std::vector<std::string> what() const;
};

/// What lies between two sets of contents.
struct ContentDiff {
    std::vector<Package> packages_added;
    std::vector<Package> packages_removed;
    std::vector<PackageChange> packages_changed;
    std::vector<FileRecord> files_added;
    std::vector<FileRecord> files_removed;
    std::vector<FileChange> files_changed;
    bool packages_known = true;  ///< false: one side has no package list
    bool files_known = true;
};

/// Both pure. Several versions of one package (kernels) are matched by what is equal first, then in order.
void diff_packages(std::vector<Package> before, std::vector<Package> after, ContentDiff& diff);
/// Volatile files (is_volatile) are left out unless asked for.
void diff_files(const std::vector<FileRecord>& before, const std::vector<FileRecord>& after,
                bool with_volatile, ContentDiff& diff);

/// Reads both generations' records.
ContentDiff diff_generations(const Generation& before, const Generation& after, bool with_volatile = false);

/// The `images diff` record.
Json diff_record(const Generation& before, const Generation& after, const ContentDiff& diff);
/// For people; lists longer than `limit` lines are cut with a count (0: never).
std::string diff_text(const Generation& before, const Generation& after, const ContentDiff& diff,
                      std::size_t limit = 40);

}  // namespace imgforge::store
