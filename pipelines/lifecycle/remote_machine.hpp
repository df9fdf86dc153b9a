// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/placement.hpp"

namespace imgforge::lifecycle {

/// The generation as a volume on the placement's host, uploaded when it is not there yet (one upload at a
/// time per image from this host). A generation stored as a difference is flattened first. Returns the
/// volume's path on that host.
std::filesystem::path provide_image(Lifecycle& lifecycle, const Placement& placement,
                                    const store::Generation& generation,
                                    const std::vector<std::filesystem::path>& chain);

/// Replaces the machine's local disks and seed by volumes of its pool and points the record at them. Host
/// keys and known_hosts stay here.
void move_to_pool(ConnectionPool& connections, MachineRecord& record,
                  const std::optional<std::filesystem::path>& base, ByteSize root_size);

}  // namespace imgforge::lifecycle
