// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "pipelines/lifecycle/lifecycle.hpp"
#include "pipelines/lifecycle/spawn.hpp"
#include "seeds/seed.hpp"

namespace imgforge::lifecycle {

/// Files of the golden image's chain, top first: its disk and the disks of the generations it is stored as a
/// difference to.
std::vector<std::filesystem::path> image_chain(store::Store& store, const store::Generation& generation);

/// The seed all machines of one spawn share; name, instance-id and host keys are added for each. Reads the
/// user's files; throws Failure::recipe with their errors.
seeds::SeedSpec common_seed(Lifecycle& lifecycle, const SpawnOptions& options, const std::string& user,
                            bool user_is_images_own);
/// The errors common_seed() would throw, without its warnings.
void check_seed(Lifecycle& lifecycle, const SpawnOptions& options);

/// The shared seed with the machine's names, but without host keys, which are made with its files.
seeds::SeedSpec named_seed(seeds::SeedSpec seed, const MachineRecord& record);

/// What the files of a machine are made from.
struct MachineSource {
    std::vector<std::filesystem::path> chain;  ///< of the golden image, top first
    DiskMode mode = DiskMode::overlay;
    std::optional<ByteSize> disk_size{};
    std::filesystem::path
        warm_disk{};  ///< a warm template's overlay on the same chain, to be copied; empty: a fresh one
    seeds::SeedSpec seed;
    /// Makes the root disk elsewhere than here and fills in its path, format and chain; empty: a file from
    /// `chain`.
    std::function<void(MachineRecord&)> make_root{};
    /// Makes root and data disks and fills in their paths (clone); empty: from `chain`.
    std::function<void(MachineRecord&)> copy_disks{};
};

/// Makes instances/NAME with root disk, data disks, seed, known_hosts and instance.json, and fills in the
/// record's paths. On failure what was made stays, for the caller to remove. Returns what its seed was made
/// from: the only place that holds its private host keys.
seeds::SeedSpec make_machine_files(Lifecycle& lifecycle, MachineRecord& record, const MachineSource& source);

/// The root disk alone (respawn makes a new one beside the old). Fills in nothing.
void make_root_disk(ProcessRunner& processes, const std::filesystem::path& disk, const MachineSource& source);

}  // namespace imgforge::lifecycle
