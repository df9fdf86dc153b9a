// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/places.hpp"
#include "builder/base/process.hpp"

namespace imgforge::lifecycle {

/// The QEMU that libvirt starts.
struct QemuProgram {
    std::string version{};  ///< "QEMU emulator version 7.2.22 (Debian …)"
    std::string file{};     ///< path, size and time of change: another program has others
};

/// Starts it once to learn its version; the answer is kept in cache/qemu.json for the same file. Throws
/// Failure::host when there is none.
QemuProgram qemu_program(ProcessRunner& processes, const Places& places);

}  // namespace imgforge::lifecycle
