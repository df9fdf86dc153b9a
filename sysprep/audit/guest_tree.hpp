// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/guest/guest_fs.hpp"

namespace imgforge::sysprep::audit {

/// One file of the guest as the audit keeps it.
struct TreeEntry {
    guest::FileStat stat{};
    std::string target{};  ///< of a symbolic link
    std::map<std::string, std::string> xattrs{};
    std::optional<std::string> content{};  ///< of small files; the rest is only searched while it streams by
};

/// The part of a guest's files that the rules look at, in memory: read once from one tar stream, then every
/// rule is a pure function.
class GuestTree {
public:
    void add(std::string path, TreeEntry entry);

    const TreeEntry* find(std::string_view path) const;
    bool exists(std::string_view path) const { return find(path) != nullptr; }
    bool is_directory(std::string_view path) const;
    /// Content of a regular file, symbolic links followed within the tree; empty when missing or not kept.
    std::string_view read(std::string_view path) const;
    /// Where a path leads when all links are followed within the tree; nothing for a loop or a missing file.
    std::optional<std::string> resolve(std::string_view path) const;
    /// Direct children, full paths, sorted.
    std::vector<std::string> children(std::string_view directory) const;
    /// Everything below.
    std::vector<std::string> below(std::string_view directory) const;
    /// Shell pattern per path component (* ? do not match slashes; * matches dot files too).
    std::vector<std::string> glob(std::string_view pattern) const;
    const std::map<std::string, TreeEntry, std::less<>>& entries() const { return entries_; }

private:
    std::map<std::string, TreeEntry, std::less<>> entries_;
};

/// Lines of a text without their ends.
std::vector<std::string_view> lines_of(std::string_view text);
/// Words of a line.
std::vector<std::string_view> words_of(std::string_view line);

}  // namespace imgforge::sysprep::audit
