// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "builder/base/json.hpp"
#include "pipelines/fetch/registry.hpp"

namespace imgforge::exchange {

/// A containerDisk in a registry: an OCI image with one file below disk/.
class ContainerSource {
public:
    /// Reads the manifest; `arch` chooses from an index (empty: this host's). Throws Failure::usage when the
    /// image is not there, Failure::integrity for what is not an image manifest.
    ContainerSource(const std::string& location, const std::string& arch);

    /// SHA-256 of the manifest in hex: the image's identity.
    const std::string& digest() const { return digest_; }
    std::uint64_t size() const;

    /// Downloads layers into `folder` (the last first, each verified by its digest), and writes the disk of
    /// the first that has one to `target`. Returns the file's name. Throws Failure::recipe when none has.
    std::string extract(const std::filesystem::path& folder, const std::filesystem::path& target,
                        const std::function<void(std::uint64_t)>& progress = {});

private:
    struct Layer {
        std::string digest;
        std::uint64_t size = 0;
    };
    void read_manifest(const std::string& arch);
    fetch::Registry registry_;
    std::string digest_;
    std::vector<Layer> layers_;
};

}  // namespace imgforge::exchange
