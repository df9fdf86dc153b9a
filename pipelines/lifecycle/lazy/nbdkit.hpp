// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// The process that serves a machine's disk from a web server (record.lazy): one for each machine, which ends
/// with it. QEMU's own driver for HTTP hangs when a server stalls, this one does not.

/// Starts it unless it runs, and notes its process in the record, which the caller saves. A server that is
/// away is asked again for half a minute; then the read fails and the machine halts. Throws Failure::host
/// when nbdkit is missing, Failure::tool with what it said when it does not start.
void ensure_nbdkit(Lifecycle& lifecycle, MachineRecord& record);

/// Whether the process of the record is this machine's nbdkit.
bool nbdkit_runs(const MachineRecord& record);

/// Ends it and waits. Missing is fine; any other process is left alone.
void end_nbdkit(const MachineRecord& record);

}  // namespace imgforge::lifecycle
