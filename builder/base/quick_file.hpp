// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string_view>

namespace imgforge {

/// A file that appears whole or not at all, as write_file_atomically() makes it, but not flushed to the disk:
/// a killed process leaves the old one or the new one, a power cut may take it. For what follows from a
/// record that is flushed.
void write_file_unflushed(const std::filesystem::path& path, std::string_view bytes, unsigned mode = 0644);

}  // namespace imgforge
