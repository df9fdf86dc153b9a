// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "pipelines/store/publish.hpp"
#include "tests/support/disk_maker.hpp"

namespace imgforge::test {

/// A generation of debian12 with a disk of 4 MiB, 1 MiB of it filled as `seed` says; it becomes the current
/// one.
inline void publish_small(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                          const std::filesystem::path& folder, unsigned seed) {
    const std::filesystem::path disk = folder / ("disk" + std::to_string(seed));
    make_disk(processes, disk, {.seed = seed, .data_mib = 1, .virtual_mib = 4});
    const store::Candidate candidate{.image = "debian12", .disk = disk};
    store.promote("debian12", store::publish(store, processes, candidate, monitor).generation.generation);
}

}  // namespace imgforge::test
