// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/image/iso_structure.hpp"

namespace imgforge::image {

struct IsoEntry {
    enum class Kind { file, directory, symlink };
    std::string path;  ///< from the root, without leading slash: "install.amd/vmlinuz"
    Kind kind = Kind::file;
    std::uint64_t size = 0;  ///< bytes; 0 for directories and links
    std::string target{};    ///< of a symbolic link, as written
};

/// An ISO 9660 image, read with libiso9660; names by Rock Ridge, else Joliet, else plain ISO 9660 in lower
/// case without version numbers. The image is checked whole before (check_iso_structure), so that damaged and
/// hostile ones end in a clear error. Not thread-safe.
class IsoReader {
public:
    /// Throws Failure::recipe when the file is missing, a directory, empty or no ISO; Failure::integrity when
    /// it is damaged.
    explicit IsoReader(const std::filesystem::path& file);
    ~IsoReader();
    IsoReader(IsoReader&&) noexcept;

    const std::filesystem::path& file() const;
    const IsoVolume& volume() const;

    /// The entry itself (links are not followed), or nothing. Leading slashes are ignored; ".." is refused.
    std::optional<IsoEntry> stat(std::string_view path) const;
    bool exists(std::string_view path) const { return stat(path).has_value(); }
    /// Entries of a directory by name, without "." and ".."; throws when it is none.
    std::vector<IsoEntry> list(std::string_view path) const;
    /// Every file and link below `path`, directories before their contents. Throws when there are more than
    /// `limit`.
    std::vector<IsoEntry> walk(std::string_view path = "", std::size_t limit = 200000) const;

    /// A file's bytes; links inside the image are followed. Throws Failure::integrity when it is larger than
    /// `limit`.
    std::string read(std::string_view path, std::uint64_t limit = 1U << 20U) const;
    /// The same, or nothing when no such file exists.
    std::optional<std::string> read_if_file(std::string_view path, std::uint64_t limit = 1U << 20U) const;
    /// Copies a file out, atomically. `progress` hears the bytes written so far.
    void extract(std::string_view path, const std::filesystem::path& destination, std::uint64_t limit,
                 const std::function<void(std::uint64_t)>& progress = {}) const;

private:
    struct State;
    std::unique_ptr<State> state_;
};

}  // namespace imgforge::image
