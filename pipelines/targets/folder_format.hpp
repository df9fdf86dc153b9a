// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/json.hpp"

namespace imgforge::targets {

inline constexpr std::uint64_t window_size = 1U << 20U;
inline constexpr const char* index_type = "application/vnd.imgforge.index+json";

/// One stretch of the virtual disk; those that are all zeros are left out.
struct Window {
    std::uint64_t number = 0;  ///< times window_size is its offset
    std::string sha256;        ///< of the plain bytes; the file's name
    std::uint64_t stored = 0;  ///< bytes of the compressed file
    bool operator==(const Window&) const = default;
};

/// manifests/DIGEST.json: one generation.
struct DiskManifest {
    std::string image;
    int generation = 0;
    ByteSize virtual_size{};
    std::vector<Window> windows;    ///< ascending
    Json records = Json::object();  ///< recipe, packages, audit, stages of the store's manifest
};

/// One generation as the index lists it.
struct IndexEntry {
    int generation = 0;
    std::string manifest;  ///< SHA-256 of the manifest file, its name
    std::int64_t created = 0;
};

struct IndexImage {
    std::optional<int> current;
    std::vector<IndexEntry> generations;  ///< oldest first
};

/// index.json.
struct FolderIndex {
    std::int64_t serial = 0;   ///< grows with every change
    std::int64_t expires = 0;  ///< seconds since 1970 UTC
    std::map<std::string, IndexImage> images;
};

std::string to_text(const DiskManifest& manifest);
std::string to_text(const FolderIndex& index);
/// Throw Failure::integrity naming `source` for what is not such a file, impossible sizes and names.
DiskManifest parse_manifest(std::string_view text, const std::string& source);
FolderIndex parse_index(std::string_view text, const std::string& source);

/// "windows/ab/abcd….zst", "manifests/abcd….json".
std::string window_path(const std::string& sha256);
std::string manifest_path(const std::string& sha256);

}  // namespace imgforge::targets
