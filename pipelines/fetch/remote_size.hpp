// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "builder/base/byte_size.hpp"

namespace imgforge::fetch {

/// Size of a file or of what a URL serves (one HEAD request, at most 20 seconds); nothing when it is not
/// known: the download itself says why.
std::optional<ByteSize> source_size(const std::string& location);

}  // namespace imgforge::fetch
