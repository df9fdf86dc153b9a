// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/ceph/pool.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"

namespace imgforge::lifecycle {

// The images of one machine in its pool: "NAME", and "imgforge-UUID" while that one is being made.

inline constexpr const char* ceph_machine_key = "imgforge.machine";  ///< the machine's UUID
inline constexpr const char* ceph_change_key =
    "imgforge.generation-id";  ///< MachineRecord::generation_id of a new root

/// "imgforge-UUID".
std::string ceph_staging(const MachineRecord& record);

/// Whether the pool has it and it carries the machine's mark.
bool is_machine_image(const ceph::Pool& pool, const std::string& image, const MachineRecord& record);

/// Removes its snapshots and the image; waits up to a minute for a QEMU that was killed.
void remove_machine_image(Lifecycle& lifecycle, ceph::Pool& pool, const std::string& image);

}  // namespace imgforge::lifecycle
