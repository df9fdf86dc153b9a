// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

namespace imgforge::install {

/// A file to appear in the initial RAM disk.
struct InitrdMember {
    std::string path;  ///< "/preseed.cfg": absolute, no "..", no trailing slash
    std::string bytes;
    unsigned mode = 0644;
};

/// What was written, for the run's record.
struct PackedInitrd {
    std::string
        compression;  ///< of the original's main part: "gzip", "xz", "zstd", "lz4", "none", "unknown", …
    bool recompressed = false;       ///< the original had to be rewritten as gzip (lz4)
    std::vector<std::string> paths;  ///< every entry appended, parents included
    std::uint64_t size = 0;          ///< bytes of the result
};

/// Writes `output` = the original initrd, padded with NULs, and one more cpio (newc) member with the given
/// files, atomically and not flushed to the disk. Parent directories that the original lacks are added; a
/// directory that is a symbolic link in it (merged /usr) is followed rather than replaced. An lz4 original is
/// rewritten as gzip, because the kernel before 5.14 reads what follows lz4 as data. One of
/// unknown_compression is left as it is. Throws Failure::recipe for a bad or repeated path,
/// Failure::integrity when the original is not an initrd. Source: Linux init/initramfs.c and
/// Documentation/driver-api/early-userspace/buffer-format.rst.
PackedInitrd pack_initrd(const std::filesystem::path& original, const std::vector<InitrdMember>& members,
                         const std::filesystem::path& output);

}  // namespace imgforge::install
