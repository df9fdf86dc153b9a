// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <functional>
#include <optional>
#include <string>
#include <string_view>
#include <vector>

#include "builder/guest/guest_fs.hpp"
#include "builder/guest/os_files.hpp"

namespace imgforge::guest {

/// Finds the appliance's device for what a guest's fstab names. Pure, so that every spelling can be tested.
class DeviceResolver {
public:
    /// Asks the appliance for a partition's GUID (costs 0.2 s, so only when a PARTUUID= entry needs it); ""
    /// when it has none.
    using PartitionGuid = std::function<std::string(const std::string& partition)>;

    /// The same for a partition's name in the GPT (PARTLABEL=).
    using PartitionName = std::function<std::string(const std::string& partition)>;

    DeviceResolver(const std::vector<FileSystem>& file_systems, PartitionGuid partition_guid,
                   PartitionName partition_name = {})
        : file_systems_(file_systems),
          partition_guid_(std::move(partition_guid)),
          partition_name_(std::move(partition_name)) {}

    /// The mountable for an fstab entry, subvol= included; nothing when no file system of the disks fits.
    std::optional<std::string> mountable(const FstabEntry& entry) const;

private:
    std::optional<std::string> device(const std::string& spec) const;
    std::optional<std::string> by(std::string_view what, const std::string& value) const;
    std::optional<std::string> by_name(const std::string& path) const;
    std::optional<std::string> by_partition(std::string_view what, const std::string& value) const;
    std::optional<std::string> by_hardware(const std::string& link) const;

    const std::vector<FileSystem>& file_systems_;
    PartitionGuid partition_guid_;
    PartitionName partition_name_;
};

}  // namespace imgforge::guest
