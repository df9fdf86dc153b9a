// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <memory>
#include <string>
#include <vector>

#include "builder/base/lock.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

/// Where machines shall be made.
struct Placement {
    std::string connection;  ///< "qemu:///embed" for the embedded driver
    std::string host{};
    std::string pool{};  ///< disks go there as volumes; empty: files of this host
    /// Of `any`: nobody else chooses until the machines are reserved and this is let go.
    std::shared_ptr<FileLock> turn{};
    bool embedded() const { return connection.rfind("qemu:///embed", 0) == 0; }
};

/// `host` is a key of `hosts:`; "any": the hosts that answer within a second take turns, beginning after the
/// one that got the newest machine, and one without room for all `count` machines of `memory` each is passed
/// over; or empty: the connection of this command. A host's memory is what is free, in buffers or cache
/// there, less what machines get that other commands are making on it now. Throws Failure::host when none
/// fits, with what each had.
Placement place(Lifecycle& lifecycle, const std::string& host, ByteSize memory, std::size_t count);

/// A host and what new machines can have of its memory.
struct HostRoom {
    std::string host;
    ByteSize memory;
};

/// The first after `last` (an unknown one: from the first on) that has `wanted`; empty: none. Pure.
std::string next_in_turn(const std::vector<HostRoom>& rooms, ByteSize wanted, const std::string& last);

}  // namespace imgforge::lifecycle
