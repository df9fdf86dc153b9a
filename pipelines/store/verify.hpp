// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::store {

/// Something that is not as it was published.
struct Finding {
    std::string image;   ///< empty: the store as a whole
    int generation = 0;  ///< 0: the image as a whole
    std::string what;  ///< "disk", "manifest", "packages", "database", "index", "mode", "chain", "reference",
                       ///< "directory"
    std::filesystem::path path{};  ///< the file that is wrong
    std::string problem;
    bool repairable = false;  ///< `--repair` can set it right without losing anything
};

struct VerifyOptions {
    std::vector<std::string> images{};  ///< NAME or NAME@GENERATION (with what it stands on); empty: all
    bool digests = true;                ///< re-hash disks; without, only records, modes and chains
    int threads = 0;                    ///< 0: one per core
};

/// Compares directories, manifests, index files and database, and re-hashes every file. Changes nothing but
/// the record of damaged generations. What two of the three records (database, index, manifest) agree on is
/// held for true, so that the tampered one can be named. Throws Failure::domain for an image or generation
/// that is nowhere.
std::vector<Finding> verify(Store& store, const VerifyOptions& options, Monitor& monitor,
                            std::uint64_t activity = 0);

/// Rebuilds the store's tables from index files, manifests and the machines' overlays, rewrites index files,
/// and restores read-only modes. Returns one line per fixed thing. Damaged disks stay as they are; their
/// findings remain.
std::vector<std::string> repair(Store& store, Monitor& monitor);

/// SQLite's own check of the file. Throws Failure::integrity with what it found first.
void require_sound_database(StateDb& database);

/// Moves a database that cannot be opened aside (state.db.damaged-TIME) and returns its new path; repair()
/// then fills a new one.
std::filesystem::path move_damaged_database_aside(const std::filesystem::path& database, std::int64_t now);

Json to_json(const Finding& finding);

}  // namespace imgforge::store
