// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>

#include "builder/base/temp_dir.hpp"

/// The file behind StateDb: its mode, the room held back for it, and reading it where it cannot be written.
namespace imgforge::state_file {

/// Creates an empty file with the right mode when it is missing (0600; 0660 in a directory of a group), and
/// takes reading rights of others from an existing one of ours.
void prepare(const std::filesystem::path& file);

/// True when this user may read the database but not write it or its directory.
bool only_readable(const std::filesystem::path& file);

/// A private copy (with the write-ahead log) that can be opened like any other.
struct Copy {
    TempDir folder;
    std::filesystem::path file;
};
std::unique_ptr<Copy> private_copy(const std::filesystem::path& file);

/// Keeps `state.db.reserve` beside the database while there is room, and gives it back when the disk is full:
/// deleting and rolling back need a few pages themselves. Never throws.
void keep_reserve(const std::filesystem::path& file);

}  // namespace imgforge::state_file
