// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <optional>
#include <string>

#include "builder/guest/appliance.hpp"
#include "builder/guest/guest_fs.hpp"
#include "pipelines/engine/stage.hpp"
#include "pipelines/store/publish.hpp"

namespace imgforge::stages {

/// Roles of the files that capture_contents() leaves in a stage's result.
inline constexpr const char* contents_role = "contents";        ///< packages and where updates come from
inline constexpr const char* guest_files_role = "guest-files";  ///< file manifest (store/files.hpp)

/// Reads packages, package sources and the list of all files with digests from a mounted guest (read-only is
/// enough) and writes them as contents.json and guest-files.json into `folder`. Returns role -> file name for
/// StageResult::files. Costs some 10 s with software emulation, mostly for the digests; so any stage that has
/// the guest open anyway calls it.
std::map<std::string, std::filesystem::path> capture_contents(guest::Appliance& appliance, guest::GuestFs& fs,
                                                              const guest::Inspection& os,
                                                              const std::filesystem::path& folder);

/// The same with an appliance of its own, for recipes in which no stage captured them.
std::map<std::string, std::filesystem::path> capture_contents_of_disk(const std::filesystem::path& disk,
                                                                      const std::filesystem::path& folder,
                                                                      const engine::StageTask& task);

/// What was captured, as publish() takes it; nothing when the roles are missing. `sources` gets [{type, uri,
/// suite}] if given.
std::optional<store::GuestContents> captured_contents(
    const std::map<std::string, std::filesystem::path>& files, Json* sources = nullptr);

/// Package sources of a guest by its configuration files (apt one-line and deb822; yum, dnf and zypp with
/// their variables; apk): pure, path -> text. Type "unknown" stands for what only the guest could ask.
Json package_sources(const std::map<std::string, std::string>& configuration, const guest::Inspection& os);

}  // namespace imgforge::stages
