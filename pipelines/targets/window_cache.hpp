// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/targets/folder_format.hpp"
#include "pipelines/targets/folder_reader.hpp"

namespace imgforge::targets {

/// Windows that came over the network and belong to no published generation yet: a killed pull goes on with
/// them. Thread-safe, also between processes.
class WindowCache {
public:
    explicit WindowCache(std::filesystem::path folder) : folder_(std::move(folder)) {}

    struct Found {
        std::string bytes;          ///< plain; their digest is the window's
        std::uint64_t fetched = 0;  ///< bytes that came over the network; 0: it was here
    };
    /// From the cache or from the reader. Throws Failure::integrity when the bytes have another digest.
    Found get(const Window& window, FolderReader& reader) const;
    void forget(const std::vector<Window>& windows) const;

private:
    std::filesystem::path folder_;
};

}  // namespace imgforge::targets
