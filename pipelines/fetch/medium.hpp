// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/places.hpp"
#include "builder/base/process.hpp"
#include "pipelines/fetch/download.hpp"

namespace imgforge::fetch {

/// Where a medium comes from and what proves it: the `installer:` block of a recipe without `archive`.
struct MediumSpec {
    std::string location;  ///< path or URL
    std::optional<std::string> sha256{};
    std::string checksums{};  ///< path or URL of a checksums file; empty: none
    /// Path or URL of the detached signature: of the checksums, or without those of the file itself. Empty:
    /// the checksums are clear-signed, or there is none.
    std::string signature{};
    std::filesystem::path keyring{};  ///< empty: there must be no signature
    std::string keyring_package{};    ///< Debian package that has the keyring, when known
    std::string fingerprint{};  ///< the only keys that count, separated by blanks; empty: any of the keyring
    bool allow_downgrade = false;  ///< DownloadOptions, for this file
    bool allow_local = false;

    /// From `installer: {iso, sha256, checksums, signature, keyring, fingerprint}`; relative names are
    /// relative to `folder`. Nothing when the block names no ISO.
    static std::optional<MediumSpec> from_installer(const Json& installer,
                                                    const std::filesystem::path& folder);
};

struct Medium {
    std::filesystem::path path;  ///< the local file given, or one in cache/media
    std::string sha256;          ///< measured
    std::string verified_by;     ///< "sha256", "checksums", "signature of FINGERPRINT", or empty: by nothing
};

struct FetchServices {
    Places places;
    ProcessRunner* processes = nullptr;
    Monitor* monitor = nullptr;
    std::uint64_t activity = 0;  ///< parent of the download's activity
    DownloadOptions download{};
};

/// The medium as a local file, downloaded into cache/media if need be (resumed, one download at a time, a
/// verified file is not fetched again) and verified. On a mismatch throws Failure::integrity and keeps
/// nothing of a download. Without anything to verify it by there is a warning.
Medium fetch_medium(const MediumSpec& spec, const FetchServices& services);

}  // namespace imgforge::fetch
