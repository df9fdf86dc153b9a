// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/image/disk_format.hpp"
#include "builder/image/qcow2_header.hpp"

namespace imgforge::image {

/// One image of a chain.
struct ChainLink {
    std::filesystem::path file;  ///< absolute, symbolic links resolved
    DiskFormat format = DiskFormat::raw;
    ByteSize virtual_size{};
    std::optional<Qcow2Header> header{};  ///< for qcow2
};

/// Which references a chain may carry.
struct ChainPolicy {
    /// Directories (with everything below) that backing files may lie in. Empty, and
    /// `files` empty: any local file, for images this program made.
    std::vector<std::filesystem::path> roots{};
    /// Single files that were stated; together with `roots`, or alone.
    std::vector<std::filesystem::path> files{};
    /// False for an image of unknown origin: any backing or data file is refused.
    bool allow_backing = true;
    std::size_t depth_limit = 64;
};

/// True when `file` (canonical) is `folder` or lies below it.
bool lies_within(const std::filesystem::path& file, const std::filesystem::path& folder);

/// The chain of an image, top first, found by reading headers: qemu opens nothing and no format is guessed.
/// Every backing format must be written in the header above it. Throws Failure::integrity for a reference
/// that the policy forbids, a reference by protocol or JSON
/// (`json:{…}`, `nbd:…`), an external data file, a missing backing format, a missing file, a cycle, or a
/// chain deeper than the limit.
std::vector<ChainLink> read_backing_chain(const std::filesystem::path& image, DiskFormat format,
                                          const ChainPolicy& policy = {});

/// Virtual size of one image by its header (qcow2) or file size (raw, rounded up to 512 bytes as qemu does).
ByteSize virtual_size(const std::filesystem::path& image, DiskFormat format);

/// True for names that qemu takes for a protocol instead of a file: "nbd:…", "json:…", "a:b.qcow2" (block.c
/// path_has_protocol).
bool names_a_protocol(std::string_view name);

}  // namespace imgforge::image
