// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"

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

/// Assembles the medium in `places.media()`, or finds it there: the name holds a digest of everything on it.
/// Only apt touches the network; signatures are checked by apt with the archive's keyring, and every file
/// against the signed index. Needs no root. Throws Failure::host when a program is missing,
/// Failure::tool/recipe with what apt says.
MadeMedium create_media(const MediaRequest& request, const Places& places, ProcessRunner& runner,
                        Monitor& monitor, std::uint64_t activity = 0);

/// Digest of what a request means by itself (suite data and packages), without asking the archive: an
/// ingredient for stages that build from such a medium.
std::string request_digest(const MediaRequest& request);

/// The newest medium made for an equal request, if there is one.
std::optional<MadeMedium> find_made_medium(const MediaRequest& request, const Places& places);

/// The record of `media create`.
Json to_json(const MadeMedium& medium);

}  // namespace imgforge::install
