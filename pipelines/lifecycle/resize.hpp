// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// What `imgforge set` was asked for.
struct MachineChanges {
    std::optional<ByteSize> memory{};
    std::optional<unsigned> vcpus{};
    std::optional<ByteSize> disk{};      ///< the root disk grows to this
    std::vector<ByteSize> data_disks{};  ///< further empty disks
    std::optional<std::string> comment{};
    std::optional<bool> protect{};
    std::optional<std::chrono::seconds> ttl{};  ///< from now on; zero: it does not expire
};

/// One change that was made.
struct AppliedChange {
    std::string what;    ///< "memory 2 GiB"
    bool live = false;   ///< it holds now; else from the next start on
    std::string note{};  ///< why not now, or what the guest has to do
};

/// Changes a machine, while it runs where libvirt and QEMU can. Throws Failure::domain for what cannot be (a
/// smaller disk, hardware of a machine whose memory is saved), Failure::integrity when the domain is on
/// another root disk; changes made before that stay.
std::vector<AppliedChange> set_machine(Lifecycle& lifecycle, std::string_view name,
                                       const MachineChanges& changes);

}  // namespace imgforge::lifecycle
