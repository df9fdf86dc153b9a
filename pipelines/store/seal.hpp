// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

namespace imgforge::store {

/// Makes a generation's directory and files read-only (0444, 0555) and, for root on a file system that knows
/// it, immutable (FS_IOC_SETFLAGS, as chattr +i). IMGFORGE_IMMUTABLE=off in the environment leaves the flag
/// alone. Doing it twice is once.
void seal(const std::filesystem::path& folder);

/// Only the modes, for a directory that still has to be renamed.
void make_read_only(const std::filesystem::path& folder);

/// Takes the immutable flags away again so that the directory can be renamed and removed. Missing is fine.
void unseal(const std::filesystem::path& folder);

/// True when nobody but root could change the directory or a file in it (modes only).
bool is_read_only(const std::filesystem::path& path);

}  // namespace imgforge::store
