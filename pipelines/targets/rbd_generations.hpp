// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/settings.hpp"
#include "builder/ceph/pool.hpp"

/// Golden images in a Ceph pool. Image NAME is the RBD image NAME; generation N is its protected snapshot
/// "gN", described by the image's metadata "imgforge.gN" and by the object "imgforge.NAME@gN", which lists
/// its objects' digests. Which one is current is the attribute "current" of the object "imgforge.NAME":
/// changed by compare-and-swap only.
namespace imgforge::targets {

/// Size of the objects that a push compares: Ceph's own default.
inline constexpr std::uint64_t rbd_object_size = 4ULL << 20U;

/// One generation as its metadata says.
struct RbdGeneration {
    int generation = 0;
    std::string digest;  ///< of size and objects; equal digests are equal disks
    std::string sha256;  ///< of the disk.qcow2 it was made from
    std::uint64_t size = 0;
    std::int64_t created = 0;
    std::string os{};  ///< "debian13"; empty: not known, or pushed by imgforge 0.4 or older
    bool current = false;
    std::vector<std::string> used_by{};  ///< "POOL/IMAGE" of its clones
};

/// The digest of each object with data, by number.
using RbdObjects = std::map<std::uint64_t, std::string>;

/// The pool of a target of the kind rbd. Throws Failure::usage for a place that cannot be one.
ceph::PoolName rbd_pool(const TargetSetting& setting);

std::string snapshot_name(int generation);
/// The number of "gN"; nothing for snapshots of others.
std::optional<int> generation_of_snapshot(const std::string& snapshot);
std::string rbd_metadata_key(int generation);
/// "imgforge.NAME" and "imgforge.NAME@gN".
std::string rbd_pointer_object(const std::string& image);
std::string rbd_manifest_object(const std::string& image, int generation);

/// Text of the object "imgforge.NAME@gN", and back. Throws Failure::integrity, naming `source`, for other
/// text.
std::string to_text(const RbdObjects& objects, std::uint64_t size);
RbdObjects parse_rbd_objects(const std::string& text, const std::string& source);
std::string to_text(const RbdGeneration& generation);
RbdGeneration parse_rbd_generation(const std::string& text, const std::string& source);

/// True when the RBD image of that name was made by a push; false for those of others and missing ones.
bool is_golden_image(const ceph::Pool& pool, const std::string& image);
/// Names of the golden images of the pool, sorted.
std::vector<std::string> rbd_images(const ceph::Pool& pool);
/// Generations that are complete, oldest first; empty for an unknown image.
std::vector<RbdGeneration> rbd_generations(const ceph::Pool& pool, const std::string& image);
std::optional<int> rbd_current(const ceph::Pool& pool, const std::string& image);

/// Makes it the current one. False when the pool has no such generation. Throws Failure::domain when somebody
/// else moved the pointer meanwhile.
bool promote_in_rbd(ceph::Pool& pool, const std::string& image, int generation);

/// Removes a generation, and the image with its last one. Throws Failure::domain for the current one unless
/// it is the last, and naming the clones while there are some; Failure::usage when it is not there.
void remove_from_rbd(ceph::Pool& pool, const std::string& image, int generation);

/// Removes the oldest generations beyond `keep` that are neither current nor have clones. Returns which.
std::vector<int> collect_in_rbd(ceph::Pool& pool, const std::string& image, std::size_t keep);

}  // namespace imgforge::targets
