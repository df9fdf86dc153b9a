// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <string_view>

#include "builder/guest/guest_fs.hpp"

namespace imgforge::guest {

/// Bytes of one read or write of a file: a protocol message of libguestfs holds less than 4 MiB.
inline constexpr std::size_t message_bytes = 1U << 20U;

/// What a node is called in a message: "symbolic link".
std::string_view type_word(FileType type);

}  // namespace imgforge::guest
