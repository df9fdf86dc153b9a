// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>

#include "builder/base/json.hpp"
#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/exchange/image_source.hpp"
#include "pipelines/fetch/download.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::exchange {

struct ImportServices {
    store::Store& store;
    ProcessRunner& processes;
    Monitor& monitor;
    std::filesystem::path signing_key{};  ///< signs the attestation; empty: none is made
    fetch::DownloadOptions download{};
};

/// Cleans a private copy of the disk in place (qcow2) and writes what its audit found to `report`; throws
/// Failure::integrity when the audit is not clean. Comes from above, since it needs the appliance.
using CleanDisk = std::function<void(const std::filesystem::path& disk, const std::filesystem::path& report)>;

struct ImportResult {
    store::Generation generation;
    bool published = false;  ///< false: the image has this content already
    std::string reason;
    Json origin;  ///< {source, sha256, verified}
    double seconds = 0;
};

/// Makes the source the next generation of its image, and the current one: fetched and verified, unpacked,
/// checked (check_foreign_disk), and then copied (a standalone qcow2, by reflink where the file system can)
/// or converted. Complete or absent, whatever happens. Content that the image's current or a newer generation
/// has already makes no second one.
ImportResult import_image(const ImageSource& source, const ImportServices& services,
                          const CleanDisk& clean = {});

/// The newest usable generation that came from the same URL or catalogue row; nothing for files, which may
/// have changed. What `--pull missing` looks for.
std::optional<store::Generation> imported_before(const store::Store& store, const ImageSource& source);

}  // namespace imgforge::exchange
