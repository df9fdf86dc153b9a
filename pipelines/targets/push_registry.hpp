// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <string>
#include <string_view>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/fetch/registry.hpp"
#include "pipelines/store/store.hpp"

namespace imgforge::targets {

/// In the place of a registry target: one repository for each image.
inline constexpr std::string_view image_word = "{image}";

/// The repository that a registry target of that place has for an image.
fetch::RegistryName registry_repository(std::string place, const std::string& image);

struct RegistryPush {
    std::string digest;       ///< "sha256:…" of the manifest
    bool layer_sent = false;  ///< false: the registry had it
    std::uint64_t bytes = 0;  ///< of the layer
};

/// Puts the generation into a repository as a KubeVirt containerDisk with its number as tag, and moves the
/// tag `latest` to it when it is current here. The tags appear last.
RegistryPush push_to_registry(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                              const store::Generation& generation, const fetch::RegistryName& name);

/// Moves `latest` only; false when the repository has no such generation.
bool promote_in_registry(const fetch::RegistryName& name, int generation);

}  // namespace imgforge::targets
