// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <string>
#include <string_view>

namespace imgforge {

/// The whole file as bytes. Throws Failure::host/tool when unreadable, and Failure::recipe when it is larger
/// than `limit` bytes (inputs written by people have a limit, so that a wrong path cannot eat the memory).
std::string read_file(const std::filesystem::path& path, std::uintmax_t limit = 256U << 20U);

/// A file that appears whole or not at all: written beside its destination, flushed, then renamed over it and
/// the directory flushed. Nothing is published without commit(); the destructor removes an uncommitted file.
class AtomicFile {
public:
    /// `mode` is exact (umask is not applied). Throws when the directory cannot be written.
    explicit AtomicFile(std::filesystem::path destination, unsigned mode = 0644);
    ~AtomicFile();
    AtomicFile(const AtomicFile&) = delete;
    AtomicFile& operator=(const AtomicFile&) = delete;

    void write(std::string_view bytes);
    /// The temporary path, for a library or program that wants to write the file itself.
    const std::filesystem::path& temporary() const { return temporary_; }
    /// Flush, rename, flush the directory. Throws on any failure, and then the destination is as it was
    /// before.
    void commit();

private:
    std::filesystem::path destination_;
    std::filesystem::path temporary_;
    int fd_ = -1;
};

/// AtomicFile in one call.
void write_file_atomically(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

/// Copies a file: reflink where the file system can, else copy_file_range with holes kept. The destination is
/// flushed, gets `mode`, and is removed again on failure. Returns true when it was a reflink (no data
/// copied).
bool copy_file_fast(const std::filesystem::path& from, const std::filesystem::path& to, unsigned mode = 0644);

/// Bytes a file really occupies (st_blocks * 512), 0 if it does not exist.
std::uint64_t allocated_size(const std::filesystem::path& path);

/// Creates a directory and its parents; `mode` applies to those created. Throws with the path that failed.
void make_directories(const std::filesystem::path& path, unsigned mode = 0755);

/// rename(2) and a flush of the destination's directory, so that it survives a power cut. Throws
/// Failure::host that names both; `hint`: what the user should do.
void rename_durably(const std::filesystem::path& from, const std::filesystem::path& to,
                    const std::string& hint = {});

/// Removes a tree, making read-only and immutable directories and files writable first; missing is fine.
/// Never follows symbolic links.
void remove_tree(const std::filesystem::path& path);

/// Free bytes available to this user on the file system that holds `path` (or its nearest existing parent).
std::uint64_t free_space(const std::filesystem::path& path);

}  // namespace imgforge
