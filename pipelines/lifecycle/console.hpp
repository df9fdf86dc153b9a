// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Joins this terminal and the machine's serial console until Ctrl-] or until the machine ends. On this host
/// that is the console's socket, so libvirt is free meanwhile; on other hosts a libvirt stream, opened with
/// `force` when somebody else has it. Needs a terminal only for raw keys: with a pipe on stdin, its bytes are
/// sent and the end of input ends it.
void attach_console(Lifecycle& lifecycle, const MachineRecord& record, bool force);

}  // namespace imgforge::lifecycle
