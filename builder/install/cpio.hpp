// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <map>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::install {

/// One entry of an initial RAM disk.
struct CpioEntry {
    enum class Kind { file, directory, symlink, other };
    std::string path;  ///< without leading "/" or "./"; never empty
    Kind kind = Kind::file;
    unsigned mode = 0644;            ///< permission bits
    std::string bytes{};             ///< of a file
    std::string target{};            ///< of a symbolic link
    std::uint32_t device_major = 0;  ///< of a device node, with `type` its file type bits
    std::uint32_t device_minor = 0;
    unsigned type = 0;  ///< S_IFCHR and alike, for Kind::other
};

/// Of an initrd that begins with nothing known here: a kernel may still read it.
inline constexpr std::string_view unknown_compression = "unknown";

/// One part of an initrd buffer: an uncompressed cpio archive or a compressed one.
struct InitrdPart {
    std::string
        compression;  ///< "none", "gzip", "xz", "zstd", "lz4", "bzip2", "lzma", "lzo", or unknown_compression
    std::size_t begin = 0;
    std::size_t end = 0;
};

/// Splits an initrd buffer into its parts (NULs between them are skipped). Only the last part may be
/// compressed, which is what distributions ship (microcode first, then the main archive). What begins with
/// nothing known is one part of unknown_compression. Throws Failure::integrity for anything else.
std::vector<InitrdPart> initrd_parts(std::string_view initrd);

/// Hears every entry of all parts in order. `with_bytes` false leaves file contents out. Throws
/// Failure::integrity when an archive is damaged or unpacks to more than 2 GiB.
void read_initrd(std::string_view initrd, bool with_bytes, const std::function<void(CpioEntry&&)>& entry);

/// A cpio archive (newc, owner 0:0, fixed times, no compression) of the entries in the given order.
std::string write_cpio(const std::vector<CpioEntry>& entries);

/// Compresses with gzip (no name, no time, so equal input gives equal output).
std::string gzip(std::string_view bytes, int level = 6);

/// Unpacks whatever libarchive recognises as one compressed stream.
std::string decompress(std::string_view bytes, std::uint64_t limit);

/// Entries keyed by path, so that later ones replace earlier ones, as the kernel does it.
using CpioTree = std::map<std::string, CpioEntry>;

/// Follows symbolic links of the tree in the directories of `path` (usr-merge): "lib/x" becomes "usr/lib/x".
std::string resolve_folders(const CpioTree& tree, const std::string& path);

}  // namespace imgforge::install
