// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

#include "builder/base/fd.hpp"

namespace imgforge::lifecycle {

/// QEMU's run state ("running", "paused", "shutdown" …) asked on its monitor socket, which libvirt leaves
/// free while no process has the embedded root open. Empty when nobody answers within `timeout` (libvirt is
/// connected just now, or QEMU is gone).
std::string qemu_run_state(const std::filesystem::path& socket, std::chrono::milliseconds timeout);

/// Connects to a UNIX socket; empty with errno set when that fails. The directory is opened first and the
/// socket reached through it, so the path may be longer than a socket address can hold.
Fd connect_unix(const std::filesystem::path& socket);

}  // namespace imgforge::lifecycle
