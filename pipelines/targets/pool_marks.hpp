// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

namespace imgforge::targets {

/// A generation in a storage pool: an empty volume "imgforge-IMAGE@GENERATION.KEY" says that the disk is the
/// volume "imgforge-KEY.qcow2".
struct PoolGeneration {
    std::string image;
    int generation = 0;
    std::string volume;  ///< of the disk
    auto operator<=>(const PoolGeneration&) const = default;
};

/// What is current in a storage pool: an empty volume "imgforge-IMAGE@current.SERIAL.GENERATION". The highest
/// serial counts, so that there is always one while it moves.
struct PoolPointer {
    std::string image;
    int serial = 0;
    int generation = 0;
    auto operator<=>(const PoolPointer&) const = default;
};

/// Whether a volume of this name is the disk of a generation.
bool is_disk_volume(const std::string& name);

std::string mark_name(const PoolGeneration& generation);
std::string mark_name(const PoolPointer& pointer);

/// Nothing for names that are not such marks.
std::optional<PoolGeneration> parse_pool_generation(const std::string& name);
std::optional<PoolPointer> parse_pool_pointer(const std::string& name);

/// What the volumes of a pool say.
struct PoolMarks {
    std::vector<PoolGeneration> generations{};  ///< by image, oldest first
    std::vector<PoolPointer> pointers{};        ///< by image, the one that counts last

    const PoolGeneration* find(const std::string& image, int generation) const;
    /// The pointer that counts.
    const PoolPointer* current(const std::string& image) const;
};

/// A generation counts when its disk is there too, with the mark that it came whole.
PoolMarks read_marks(const std::vector<std::string>& volumes);

}  // namespace imgforge::targets
