// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/ceph/pool.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::targets {

struct RbdPush {
    std::string digest;         ///< of size and objects
    std::uint64_t objects = 0;  ///< of 4 MiB that have data
    std::uint64_t sent = 0;     ///< of them were written, or discarded because they are empty now
    std::uint64_t found = 0;    ///< of them a killed push had written already
    std::uint64_t bytes = 0;    ///< written
    bool existed = false;       ///< the pool had the same generation
    bool current = false;       ///< it is the current one there now
};

/// Puts the generation into the pool as a snapshot of the image NAME, sparse, and makes it the current one
/// when it is current in the store. Only objects that differ from the newest generation there are written; a
/// killed push leaves no generation and is finished by the same call, which reads back what was written.
/// Throws Failure::domain when the pool has an image of that name that is not ours, another disk under that
/// number, or somebody else pushes the image right now.
RbdPush push_to_rbd(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                    const store::Generation& generation, ceph::Pool& pool);

}  // namespace imgforge::targets
