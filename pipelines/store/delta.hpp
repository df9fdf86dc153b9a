// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/process.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/store/generation.hpp"

namespace imgforge::store {

/// The generation on which the next one is stored as a difference; nothing: store it whole. Chains stay at
/// most `max_depth` long (backing files under a disk). Below the limit the newest generation is taken
/// (smallest difference); at the limit the ancestor that costs least per place it leaves free in the chain.
/// Pure.
std::optional<int> choose_parent(const std::vector<Generation>& generations, int max_depth);

/// How a disk is written into a generation.
struct DeltaSpec {
    std::filesystem::path disk;    ///< candidate, qcow2, only read
    std::filesystem::path parent;  ///< disk.qcow2 of the parent generation
    std::string parent_name;       ///< as the header shall name it: "../4/disk.qcow2"
    std::filesystem::path target;  ///< disk.qcow2 in the scratch directory
    image::qemu_img::Compression compression = image::qemu_img::Compression::zstd;
};

/// Writes `target` as an overlay of the parent that holds only the clusters in which the candidate differs.
/// Leaves no working file behind, whatever happens.
void write_delta(ProcessRunner& processes, const DeltaSpec& spec,
                 const std::function<void(double percent)>& progress = {});

/// Throws Failure::integrity unless both disks read the same, byte by byte.
void require_same_content(ProcessRunner& processes, const std::filesystem::path& a,
                          const std::filesystem::path& b);

/// `qemu-img rebase` in safe mode: afterwards the overlay differs from the new backing file only where the
/// old one did. Pure.
ProcessSpec rebase_onto(const std::filesystem::path& overlay, const std::filesystem::path& backing);

}  // namespace imgforge::store
