// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <string>

namespace imgforge::lifecycle {

/// QEMU's run state ("running", "paused", "shutdown" …) asked on its monitor socket, which libvirt leaves
/// free while no process has the embedded root open. Empty when nobody answers within `timeout` (libvirt is
/// connected just now, or QEMU is gone).
std::string qemu_run_state(const std::filesystem::path& socket, std::chrono::milliseconds timeout);

}  // namespace imgforge::lifecycle
