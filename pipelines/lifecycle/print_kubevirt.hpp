// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>

#include "builder/base/byte_size.hpp"
#include "pipelines/lifecycle/lifecycle.hpp"
#include "seeds/seed.hpp"

namespace imgforge::lifecycle {

/// "HOST/REPOSITORY:GENERATION" of the containerDisk that was pushed; nothing when no `oci:` target has the
/// generation as one.
std::optional<std::string> container_disk(Lifecycle& lifecycle, const store::Generation& generation);

/// The YAML of a VirtualMachine and of the Secret with its user-data (and network-config, when `seed` has
/// one), as base64. The root disk is the containerDisk for an ephemeral machine; else a DataVolume of
/// `disk`, from the containerDisk, or without one from the DataSource of the image's name. Of the record
/// only name, image, size and firmware are taken; the instance-id is KubeVirt's to give.
std::string kubevirt_manifests(const MachineRecord& record, const std::optional<std::string>& container,
                               ByteSize disk, const seeds::SeedFiles& seed);

}  // namespace imgforge::lifecycle
