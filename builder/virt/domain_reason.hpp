// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string_view>

namespace imgforge::virt {

/// Why a domain is in its state. libvirt numbers these per state (virDomainRunningReason,
/// virDomainPausedReason …); here a reason means the same whatever the state.
enum class DomainReason {
    unknown,
    booted,
    migrated,
    restored,
    from_snapshot,
    unpaused,
    migration_canceled,
    save_canceled,
    woken_up,
    crashed,
    post_copy,
    shutdown,  ///< the guest shut itself down
    destroyed,
    saved,
    failed,
    daemon,
    user,
    migrating,
    saving,
    dumping,
    io_error,
    watchdog,
    shutting_down,
    snapshot,
    starting_up,
    panicked,
};

/// As virsh prints it: "I/O error", "booted".
std::string_view to_string(DomainReason reason);

/// From libvirt's virDomainState and the number of that state's reasons.
DomainReason domain_reason(int state, int reason);
/// From virDomainEventStoppedDetailType.
DomainReason stop_reason(int detail);
/// From the number a DomainReason has between worker and client.
DomainReason domain_reason(int number);

}  // namespace imgforge::virt
