// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "sysprep/audit/matcher.hpp"
#include "sysprep/audit/report.hpp"

namespace imgforge::sysprep::audit {

/// Searches file contents and what is packed inside them: gzip, xz, zstd, bzip2, lz4 and lzma streams, the
/// concatenated cpio archives of an initramfs, and every archive libarchive reads (tar, zip, ar/deb, rpm, 7z,
/// ISO). Limits keep a bomb from eating memory.
class ContentScan {
public:
    explicit ContentScan(const Matcher& matcher) : matcher_(matcher), scratch_(matcher) {}

    /// A name, link target or attribute of `path`.
    void name(const std::string& path, std::string_view what, std::string_view text);
    /// A whole file. Files inside are named "/boot/initrd.img!etc/hostname".
    void file(const std::string& path, std::string_view bytes);

    /// Called for every file found inside a packed one, before it is searched.
    std::function<void(const std::string& path, std::string_view bytes)> on_inner_file{};

    std::vector<Finding> take_findings() { return merge_findings(std::move(findings_)); }
    std::uint64_t files() const { return files_; }
    std::uint64_t bytes() const { return bytes_; }
    std::uint64_t unpacked() const { return unpacked_; }
    /// Sentences on what could not be unpacked.
    const std::vector<std::string>& warnings() const { return warnings_; }

private:
    void search(const std::string& path, std::string_view bytes);
    void descend(const std::string& path, std::string_view bytes, int depth);
    void unpack_cpio(const std::string& path, std::string_view bytes, int depth);
    void unpack_archive(const std::string& path, std::string_view bytes, int depth);
    void inner(const std::string& path, std::string_view bytes, int depth);

    const Matcher& matcher_;
    Matcher::Scratch scratch_;
    std::vector<Finding> findings_;
    std::vector<std::string> warnings_;
    std::uint64_t files_ = 0;
    std::uint64_t bytes_ = 0;
    std::uint64_t unpacked_ = 0;
    std::uint64_t budget_ = 8ULL << 30U;  ///< unpacked bytes per audit
};

}  // namespace imgforge::sysprep::audit
