// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

namespace imgforge::lifecycle {

/// What a spool directory may hold: whoever can write there must reach nothing but machines of that spool. No
/// links (symbolic or hard), and nothing that belongs to another user than this process's, root or the owner
/// of the spool directory.

/// Throws Failure::domain, saying what it is, unless `path` is a plain file in that sense.
void require_plain_file(const std::filesystem::path& path, const std::filesystem::path& root);

/// The same for a directory.
void require_plain_folder(const std::filesystem::path& path, const std::filesystem::path& root);

/// The text of a file named in a properties file: relative to the spool's root, below it, and plain all the
/// way; at most 64 KiB.
std::string spool_text(const std::filesystem::path& root, const std::string& name);

/// Adds a line to a log; one that became a link is refused.
void append_log(const std::filesystem::path& file, const std::string& line);

}  // namespace imgforge::lifecycle
