// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

namespace imgforge {

/// A private directory (mode 0700) that is removed with everything in it when the object goes.
class TempDir {
public:
    /// Made in `parent`, else in $TMPDIR, else in /var/tmp (disk images do not belong on a tmpfs).
    explicit TempDir(std::string_view prefix = "imgforge", std::filesystem::path parent = {});
    ~TempDir();
    TempDir(TempDir&& other) noexcept;
    TempDir& operator=(TempDir&&) = delete;
    TempDir(const TempDir&) = delete;
    TempDir& operator=(const TempDir&) = delete;

    const std::filesystem::path& path() const { return path_; }
    std::filesystem::path operator/(const std::filesystem::path& name) const { return path_ / name; }
    /// Leaves the directory in place (a failed run that shall be looked at) and returns its path.
    std::filesystem::path keep();

private:
    std::filesystem::path path_;
};

}  // namespace imgforge
