// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "pipelines/store/store.hpp"
#include "pipelines/targets/image_service.hpp"

/// Golden images in OpenStack. All generations of an image have its name; the one that is not hidden is the
/// current one. They differ from others by the tag "imgforge" and the properties imgforge_generation and
/// imgforge_sha256.
namespace imgforge::targets {

struct GlanceOptions {
    std::string format = "qcow2";        ///< or "raw": for clouds whose images are in Ceph
    std::string visibility = "private";  ///< as Glance has it
    std::size_t keep = 0;                ///< hidden generations that stay after a promotion; 0: all
};

struct GlancePush {
    std::string id;
    std::string sha512;       ///< of the data, the same by the service and by us
    std::uint64_t bytes = 0;  ///< sent
    bool existed = false;
    bool current = false;
};

/// The record of a new image: name, formats, sizes, what the guest is (os_distro, os_version, hw_*), hidden.
Json glance_record(const store::Generation& generation, const Json& recipe, const GlanceOptions& options);

/// Puts the generation into the cloud: born hidden, uploaded, its SHA-512 compared with what the service
/// computed, and promoted when it is current in the store. What a killed push left (queued, saving) is
/// removed and made again. Throws Failure::integrity, and removes the image, when the digests differ.
GlancePush push_to_glance(store::Store& store, ProcessRunner& processes, Monitor& monitor,
                          const store::Generation& generation, ImageService& service,
                          const GlanceOptions& options);

/// Shows it, then hides the others, then removes the oldest hidden ones beyond `keep`. False when the cloud
/// has no such generation.
bool promote_in_glance(ImageService& service, Monitor& monitor, const std::string& image, int generation,
                       std::size_t keep);

/// Removes one. Failure::domain for the current one and for protected ones; missing is fine.
void remove_from_glance(ImageService& service, const std::string& image, int generation);

}  // namespace imgforge::targets
