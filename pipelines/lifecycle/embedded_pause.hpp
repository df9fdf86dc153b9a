// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// Why QEMU says that an embedded machine is paused, in libvirt's words: "I/O error", "user" …; empty when it
/// is not. To be asked while nobody has the root open: QEMU's monitor answers one at a time, and libvirt,
/// which was not there when the machine halted, knows no reason afterwards.
std::string embedded_pause(const std::filesystem::path& root, const MachineRecord& record);

}  // namespace imgforge::lifecycle
