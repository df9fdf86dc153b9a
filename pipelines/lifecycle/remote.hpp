// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/virt/storage_pool.hpp"
#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// A small file (seed) as a raw volume; replaces one of that name. Returns its path on that host.
std::filesystem::path upload_file(const virt::Connection& connection, const std::string& pool,
                                  const std::string& volume, const std::filesystem::path& file);

/// An overlay volume on a volume that is there. Returns its path on that host.
std::filesystem::path create_remote_overlay(const virt::Connection& connection, const std::string& pool,
                                            const std::string& volume, const std::filesystem::path& backing,
                                            std::uint64_t virtual_size);

/// Deletes the machine's own volumes (root, data, seed), never the golden image. Missing is fine.
void delete_remote_volumes(const virt::Connection& connection, const MachineRecord& record);

}  // namespace imgforge::lifecycle
