// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/virt/domain_reason.hpp"
#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// Why QEMU says that an embedded machine is paused; unknown when it is not. To be asked while nobody has the
/// root open: QEMU's monitor answers one at a time, and libvirt, which was not there when the machine halted,
/// knows no reason afterwards.
virt::DomainReason embedded_pause(const std::filesystem::path& root, const MachineRecord& record);

}  // namespace imgforge::lifecycle
