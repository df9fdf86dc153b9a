// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::store {

/// One file of a guest, without timestamps. Fields that were not read are empty or 0 and compare as equal
/// only to themselves.
struct FileRecord {
    std::string path;  ///< absolute in the guest; bytes that are not UTF-8 as \xHH
    char type = 'f';   ///< f file, d directory, l link, c, b, p, s as find(1) -type
    std::uint32_t mode = 0;
    std::uint32_t uid = 0;
    std::uint32_t gid = 0;
    std::uint64_t size = 0;
    std::string digest;  ///< SHA-256 of the content, hex
    std::string target;  ///< of a link

    bool operator==(const FileRecord&) const = default;
};

/// What the offline group writes as role "files" and a generation keeps as files.json.gz: sorted by path.
std::string files_to_text(std::vector<FileRecord> files);
/// Throws Failure::integrity naming `source`.
std::vector<FileRecord> files_from_text(std::string_view text, const std::string& source);

/// Reads either form by its name (".gz" is unpacked).
std::vector<FileRecord> read_files(const std::filesystem::path& path);

/// True for paths whose content differs from run to run although nothing changed: caches, logs, random seeds,
/// files that carry the time they were made.
bool is_volatile(std::string_view path);

/// sha256sum(1)/libguestfs checksum output ("DIGEST  ./etc/passwd" per line, escaped names with a leading
/// backslash) -> records.
std::vector<FileRecord> parse_checksums(std::string_view text);

/// gzip of a text, and back (limit against bombs: 512 MiB).
std::string gzip(std::string_view text);
std::string gunzip(std::string_view bytes, const std::string& source);

/// A guest's path made printable: bytes that are not UTF-8, and control characters, as \xHH.
std::string printable_path(std::string_view bytes);

}  // namespace imgforge::store
