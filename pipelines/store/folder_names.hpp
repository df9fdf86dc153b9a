// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::store {

// Names in images/NAME other than the generations: scratch directories of publications, their locks, and
// directories on their way out.
inline constexpr std::string_view scratch_prefix = ".new-";
inline constexpr std::string_view removal_prefix = ".del-";
inline constexpr std::string_view lock_suffix = ".lock";

/// Locked as long as the publication that fills the scratch directory lives.
inline std::filesystem::path alive_file(const std::filesystem::path& image_folder, std::string_view scratch) {
    return image_folder / (std::string(scratch) + std::string(lock_suffix));
}

/// Names in a directory; none when it cannot be read.
inline std::vector<std::string> entries(const std::filesystem::path& folder) {
    std::vector<std::string> names;
    std::error_code code;
    for (auto entry = std::filesystem::directory_iterator(folder, code);
         !code && entry != std::filesystem::directory_iterator(); entry.increment(code)) {
        names.push_back(entry->path().filename());
    }
    return names;
}

}  // namespace imgforge::store
