// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "builder/base/byte_size.hpp"
#include "builder/base/settings.hpp"

namespace imgforge::lifecycle {

/// What a machine gets of the host.
struct MachineSize {
    ByteSize memory = ByteSize::gib(1);
    unsigned vcpus = 1;
    std::optional<ByteSize> disk{};  ///< grow the root disk to this; nothing: as large as the golden image
    bool operator==(const MachineSize&) const = default;
};

/// The size of that name: from `sizes:` of the settings ({small: {memory: 1G, vcpus: 1, disk: 10G}}), else
/// one of the built-in small (1 GiB, 1 vCPU), medium (2 GiB, 2), large (4 GiB, 4). Throws Failure::usage
/// naming the known ones.
MachineSize machine_size(const Settings& settings, const std::string& name);

}  // namespace imgforge::lifecycle
