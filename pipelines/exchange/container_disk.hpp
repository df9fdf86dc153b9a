// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>

#include "builder/base/monitor.hpp"
#include "pipelines/exchange/export.hpp"

namespace imgforge::exchange {

/// The parts of a containerDisk as an OCI image: three blobs named by their SHA-256, equal for equal disks.
struct ContainerImage {
    std::filesystem::path layer;  ///< tar with disk/disk.qcow2 for user 107, the qemu of KubeVirt
    std::string layer_digest;     ///< hex, without "sha256:"
    std::uint64_t layer_size = 0;
    std::string config;  ///< JSON
    std::string config_digest;
    std::string manifest;  ///< JSON
    std::string manifest_digest;
};

/// Makes the parts; the layer in `folder`.
ContainerImage make_container_image(const ExportDisk& disk, const std::filesystem::path& folder,
                                    const ExportServices& services, Activity& activity);

/// The same as one OCI archive (oci-layout, index.json, blobs), tagged with the disk's tag; then read back.
void write_container_disk(const ExportDisk& disk, const std::filesystem::path& target,
                          const ExportServices& services, Activity& activity);

inline constexpr const char* oci_manifest_type = "application/vnd.oci.image.manifest.v1+json";

}  // namespace imgforge::exchange
