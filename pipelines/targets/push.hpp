// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/store/store.hpp"
#include "pipelines/targets/folder_format.hpp"
#include "pipelines/targets/folder_writer.hpp"
#include "pipelines/targets/target.hpp"

namespace imgforge::targets {

/// A directory that this host writes.
struct FolderTarget {
    std::filesystem::path folder;
    std::filesystem::path key{};  ///< private Ed25519 key; empty: the index is not signed
    std::chrono::seconds valid = std::chrono::hours(24 * 30);  ///< how long an index counts
};

struct PushResult {
    std::string image;
    int generation = 0;
    std::uint64_t windows = 0;  ///< of the disk
    std::uint64_t sent = 0;     ///< of them were not there
    std::uint64_t bytes = 0;    ///< written for those
    std::int64_t serial = 0;    ///< of the index afterwards
};

/// The index in the directory; an empty one when there is none yet. Signed ones are opened with `key`.
FolderIndex read_own_index(const FolderTarget& target);

/// Puts the generation into the place: the windows that are missing over up to `connections` writers, its
/// manifest, and an index that lists it, as current when it is in the store. A killed push leaves the index
/// as it was and is finished by the same call.
PushResult push_windows(const TargetServices& services, const store::Generation& generation,
                        FolderWriter& writer, const IndexSeal& seal, unsigned connections);

/// push_windows() into a directory. One push at a time per directory.
PushResult push_to_folder(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                          const store::Generation& generation, const FolderTarget& target);

/// Moves the pointer only. Nothing when the generation is not in the directory.
std::optional<std::int64_t> promote_in_folder(const FolderTarget& target, const std::string& image,
                                              int generation, std::int64_t now);

/// The result as a target's record and line.
TargetPush pushed_to(const std::string& place, const std::string& label, const PushResult& result,
                     bool is_signed);

/// How the index of a target is sealed: by its own key, else the settings' signing key.
IndexSeal index_seal(const TargetSetting& setting, const TargetServices& services);

/// Throws Failure::tool, with the reason, when this process may not write there.
void require_writable_folder(const FolderTarget& target);

/// The generations that an index lists.
std::vector<TargetGeneration> listed(const FolderIndex& index);
/// True when that generation is among `all`.
bool lists(const std::vector<TargetGeneration>& all, const std::string& image, int generation);

}  // namespace imgforge::targets
