// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Ports of machines on libvirt's networks are listened on by one process of the store, which needs no right
/// and changes no rule of the host: libvirt reloading its own leaves it alone. It is imgforge-forward.service
/// where that runs, else the first command that needs it leaves it behind.

/// Starts it when there is something to forward and none runs. A failure becomes a warning.
void ensure_forwarder(Lifecycle& lifecycle);

/// Serves until interrupted; with `keep` also while there is nothing to forward, else it ends then. Returns
/// at once when another one serves already.
void run_forwarder(Lifecycle& lifecycle, bool keep);

}  // namespace imgforge::lifecycle
