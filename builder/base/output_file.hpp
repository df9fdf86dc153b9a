// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string_view>

namespace imgforge {

/// A file that the user named as the place of a result. The one policy for writing such a file: it appears
/// whole or not at all; a symbolic link is followed and stays a link; a file that is replaced hands its mode
/// and owner on; devices, pipes, sockets and directories are never replaced.
class OutputFile {
public:
    enum class Existing {
        refuse,   ///< Failure::usage that names `force_hint`
        replace,  ///< the user asked for it, or it is the command's own input
    };
    /// Checks before any work is done. `mode` is that of a new file, exact. Throws Failure::usage for what
    /// must not be replaced, Failure::host when the directory is missing or the owner could not be kept.
    OutputFile(const std::filesystem::path& named, Existing existing, unsigned mode = 0644,
               std::string_view force_hint = "name another file, or remove it first");
    ~OutputFile();
    OutputFile(const OutputFile&) = delete;
    OutputFile& operator=(const OutputFile&) = delete;

    /// Where the bytes will be, links followed.
    const std::filesystem::path& target() const { return target_; }
    /// A free name beside the target, for a library or program that makes the file itself.
    const std::filesystem::path& temporary() const { return temporary_; }
    /// Writes the whole file to the temporary name.
    void write(std::string_view bytes);
    /// Gives what stands at temporary() its mode and owner, and renames it over the target. Flushed to the
    /// disk unless `flush` is false. On failure the target is as it was.
    void commit(bool flush = true);

private:
    struct Attributes {
        unsigned mode;
        unsigned uid;
        unsigned gid;
    };
    std::filesystem::path target_;
    std::filesystem::path temporary_;
    unsigned mode_;
    std::optional<Attributes> replaced_{};
};

/// OutputFile in one call.
void write_output(const std::filesystem::path& named, std::string_view bytes, OutputFile::Existing existing,
                  unsigned mode = 0644);

}  // namespace imgforge
