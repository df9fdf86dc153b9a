// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <utility>
#include <vector>

#include "builder/base/places.hpp"

namespace imgforge::store {

/// A machine's disk that stands on a generation, found by reading the overlay's header.
struct OverlayUse {
    std::string instance;
    std::string image;
    int generation = 0;
};

/// All instances/*/*.qcow2 whose backing file is a generation of this store. Costs one small read per
/// machine.
std::vector<OverlayUse> overlays_in(const Places& places);

/// image and generation when `disk` is images/NAME/GENERATION/disk.qcow2 below `images`.
std::optional<std::pair<std::string, int>> generation_of_disk(const std::filesystem::path& disk,
                                                              const std::filesystem::path& images);

}  // namespace imgforge::store
