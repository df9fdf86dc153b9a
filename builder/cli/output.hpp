// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace imgforge::cli {

/// Writes to standard output. A reader that has gone (`imgforge list | head -n 1`) wanted no more: that is no
/// error, but false. Everything else, such as a full disk, throws.
bool print(std::string_view text);

/// To a file descriptor, from where nothing may be thrown any more: what cannot be written is lost.
void print_last_words(int fd, std::string_view text) noexcept;

}  // namespace imgforge::cli
