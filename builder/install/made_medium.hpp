// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/places.hpp"

namespace imgforge::install {

/// An offline installer medium to be assembled from the Debian archive.
struct MediaRequest {
    std::string suite;                    ///< "bookworm"
    std::vector<std::string> packages{};  ///< on board beside the standard ones
    std::string mirror{};                 ///< archive URI; empty: what the host's apt uses
    bool reuse = false;  ///< take a medium made before for the same request without asking the archive
};

/// What was made (or found).
struct MadeMedium {
    std::filesystem::path iso;
    std::string sha256;
    std::string suite;
    std::string installer;  ///< suite whose installer is on it; differs when the suite's own is not complete
                            ///< on the mirror
    std::string label;
    std::string kernel_abi;
    std::string version;  ///< of the packages: "12.12"
    std::size_t debs = 0;
    std::size_t udebs = 0;
    std::uint64_t size = 0;
    bool reused = false;               ///< an equal medium was in the cache
    std::vector<std::string> notes{};  ///< what differs from an official medium, one sentence each
    Json sources = Json::array();      ///< state of every archive index it was made from: suite, component,
                                       ///< digest of its Release file
};

/// Digest of what a request means by itself (suite data and packages), without asking the archive: an
/// ingredient for stages that build from such a medium.
std::string request_digest(const MediaRequest& request);

/// The newest medium made for an equal request, if there is one.
std::optional<MadeMedium> find_made_medium(const MediaRequest& request, const Places& places);

/// The record of `media create`.
Json to_json(const MadeMedium& medium);

/// Directory of `places.media()` with the media of equal requests and their records.
std::filesystem::path made_folder(const MediaRequest& request, const Places& places);

/// The medium a record file describes, marked as reused.
MadeMedium read_record(const std::filesystem::path& file);

/// Writes the record next to the ISO, under a name made of `fingerprint`. It comes last: a medium without a
/// record is never taken.
void write_record(const MadeMedium& made, const std::string& fingerprint);

/// SHA-256 of the parts, one a line.
std::string digest_of(const std::vector<std::string>& parts);

/// Raise when the same packages would give another disc than before.
inline constexpr int layout_revision = 1;

}  // namespace imgforge::install
