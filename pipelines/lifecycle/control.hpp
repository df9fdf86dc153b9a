// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/lifecycle/ready.hpp"

namespace imgforge::lifecycle {

/// Starts a machine that is off (nothing happens when it runs), and waits for the signal.
MachineView start_machine(Lifecycle& lifecycle, std::string_view name, Wait wait = Wait::none,
                          std::optional<std::chrono::milliseconds> timeout = {});

/// How a machine went down.
enum class Stopped {
    was_off,
    politely,   ///< the guest shut itself down
    unplugged,  ///< it did not within the deadline, or was not asked
};

/// Asks the guest (its agent, else the power button), and pulls the plug after `timeout`; zero pulls it at
/// once. An ephemeral machine is erased when it has stopped.
Stopped stop_machine(Lifecycle& lifecycle, std::string_view name, std::chrono::milliseconds timeout);

/// The same for a machine already held by this command; it is not erased.
Stopped stop_held(Lifecycle& lifecycle, const MachineRecord& record, std::chrono::milliseconds timeout);

/// stop and start as one command: nobody else gets in between.
MachineView restart_machine(Lifecycle& lifecycle, std::string_view name, std::chrono::milliseconds timeout,
                            Wait wait = Wait::none);

/// Whether it starts with the host: kept by libvirt, or on the embedded driver by the record and `imgforge
/// start --autostart`.
void set_autostart(Lifecycle& lifecycle, std::string_view name, bool on);

/// Starts every machine with autostart that libvirt does not start itself. Errors become warnings; the number
/// of failures.
int start_autostarted(Lifecycle& lifecycle);

/// Stops it without asking the guest, forgets the domain, deletes disks and seed. The record stays, marked
/// destroyed; with `forget` it goes as well, and the name is free at once. Throws Failure::domain for a
/// protected machine, Failure::integrity for saved memory and a domain on other disks that `drop` does not
/// give up.
void destroy_machine(Lifecycle& lifecycle, std::string_view name, const Drop& drop = {}, bool forget = false);

/// Halts the guest with its memory in place. Throws Failure::domain when it does not run.
void suspend_machine(Lifecycle& lifecycle, std::string_view name);

/// The guest goes on. Throws Failure::domain with the reason (a full disk, say) when it halts at once again,
/// or when it is off.
void resume_machine(Lifecycle& lifecycle, std::string_view name);

/// The same for a domain already at hand; one that runs is left alone.
void go_on(Lifecycle& lifecycle, const MachineRecord& record, const virt::Domain& domain);

/// Flattens the root disk, so that the golden image is no longer needed. Off: into a new file that replaces
/// the old one by rename. Running: libvirt pulls the image into the overlay while the guest goes on. False
/// when there was nothing to do.
bool consolidate_machine(Lifecycle& lifecycle, std::string_view name, const Drop& drop = {});

/// New root on the current generation (or `image_spec`'s); MACs, addresses, host keys, instance-id and data
/// disks stay. A running machine is stopped politely within `timeout` first and started again afterwards.
/// The old root is gone afterwards.
struct RespawnResult {
    int from = 0;
    int to = 0;
    bool was_running = false;
};
RespawnResult respawn_machine(Lifecycle& lifecycle, std::string_view name, const std::string& image_spec,
                              std::chrono::milliseconds timeout, const Drop& drop = {});

/// Finishes or undoes a change of the root disk that a killed command left half done. True when there was
/// one.
bool settle_root_disk(Lifecycle& lifecycle, MachineRecord& record);

/// What differs between the record and the world, one sentence each. `seen`: also gives what was looked at,
/// when libvirt knows the domain.
std::vector<std::string> drift(Lifecycle& lifecycle, const MachineRecord& record,
                               DomainReality* seen = nullptr);

/// Puts back what the domain lost (itself, its NICs, its disks) and takes over what other tools gave it;
/// returns what was done and, after "cannot repair: ", what remains. Throws Failure::integrity when the
/// domain is on another root disk.
std::vector<std::string> repair_machine(Lifecycle& lifecycle, std::string_view name);

/// Usual timeout of stop: a guest under emulation takes long to go down.
constexpr std::chrono::seconds stop_timeout{120};

}  // namespace imgforge::lifecycle
