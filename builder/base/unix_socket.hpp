// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/base/fd.hpp"

namespace imgforge {

/// Binds a UNIX socket to `path` and listens for one connection; mode 0600. Throws Failure::host when the
/// path is longer than the 107 bytes an address holds, system_error("listen on", path) for all else.
Fd listen_unix(const std::filesystem::path& path);

/// Connects to a UNIX socket; empty with errno set when that fails. The directory is opened first and the
/// socket reached through it, so the path may be longer than a socket address can hold.
Fd connect_unix(const std::filesystem::path& socket);

}  // namespace imgforge
