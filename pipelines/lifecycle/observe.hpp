// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <vector>

#include <sys/types.h>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// A machine as it is now.
struct MachineView {
    MachineRecord record;
    /// "running", "shut off", "paused", … as libvirt calls it; "saved": off, its memory waits for the next
    /// start; "missing": libvirt does not know the domain;
    /// "destroyed"; "unfinished": the spawn was killed; "unknown": its host did not answer, `problem` says
    /// why.
    std::string state;
    std::string
        reason{};  ///< why it is in that state: "user", "I/O error", "not ready: …"; empty: nothing to say
    virt::DomainReason cause = virt::DomainReason::unknown;  ///< the same when libvirt or QEMU gives it
    bool autostart = false;
    std::vector<std::string> snapshots{};
    std::string problem{};
    std::vector<std::vector<std::string>> addresses{};  ///< per NIC
    bool outdated = false;                              ///< the image has a newer current generation
    std::uint64_t disk_bytes = 0;                       ///< what its files take on this host
    double seconds = 0;  ///< spawn: how long it took; else since when it exists
};

/// The first address of its first card that has one; empty when none is known.
std::string first_address(const MachineView& view);

/// How much to ask for.
struct LookOptions {
    bool addresses = true;  ///< leases, and the guest agent for machines looked at one by one
    bool remote = false;    ///< also ask hosts other than this one
    bool agent = false;     ///< ask guest agents (slow when they do not answer)
    bool sizes = true;
};

/// Looks at machines without opening embedded roots: a pid file, /proc and one question to QEMU's monitor
/// tell as much in a millisecond. Each libvirt daemon is asked once for all of its domains.
std::vector<MachineView> look(Lifecycle& lifecycle, const std::vector<MachineRecord>& records,
                              const LookOptions& options = {});
MachineView look(Lifecycle& lifecycle, const MachineRecord& record, const LookOptions& options = {});

/// State of an embedded machine: "running", "paused" or "shut off". A guest that powered itself off leaves
/// its QEMU waiting until libvirt comes by; that counts as shut off.
std::string embedded_state(const std::filesystem::path& root, const MachineRecord& record);

/// Whether memory of a managed save lies in an embedded root.
bool embedded_saved(const std::filesystem::path& root, const MachineRecord& record);

/// QEMU's process of an embedded machine, checked by its UUID; nothing when there is none.
std::optional<pid_t> embedded_process(const std::filesystem::path& root, const MachineRecord& record);

}  // namespace imgforge::lifecycle
