// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/types.h>

#include <chrono>
#include <utility>

#include "builder/base/handle.hpp"
#include "builder/guest/appliance.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/memory_image_plan.hpp"
#include "builder/guest/watchdog.hpp"

namespace imgforge::guest {

using GuestfsHandle = Handle<guestfs_h, &guestfs_close>;

/// A handle with all that does not depend on disks: backend, acceleration, memory, network, kernel
/// parameters. Throws Failure::host.
GuestfsHandle configured_handle(const ApplianceOptions& options, Accelerator accelerator);

/// Adds parameters to the QEMU that `handle` will start, in this order.
void give_to_qemu(guestfs_h* handle, const QemuParameters& parameters);

/// How long a start may take: the setting, or `deadline` made longer by the load of the host.
std::chrono::seconds launch_time(std::chrono::seconds deadline);

struct Appliance::State {
    ApplianceOptions options;
    Monitor& monitor;
    GuestfsHandle handle;
    Watchdog watchdog;
    double launch_seconds = 0;
    pid_t pid = 0;
    bool finished = false;
    bool from_image = false;

    State(ApplianceOptions given, Monitor& sink) : options(std::move(given)), monitor(sink) {}
};

}  // namespace imgforge::guest
