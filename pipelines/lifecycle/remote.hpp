// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <string>
#include <vector>

#include "builder/virt/connection.hpp"
#include "pipelines/lifecycle/machine_record.hpp"

namespace imgforge::lifecycle {

/// Progress of an upload: bytes sent, bytes in all.
using UploadProgress = std::function<void(std::uint64_t, std::uint64_t)>;

/// The pool machines are kept in on a remote host: `wanted`, else "imgforge" when it exists, else "default".
/// Throws Failure::host with the virsh commands that make one.
std::string choose_pool(const virt::Connection& connection, const std::string& wanted);

/// A golden image (its chain flattened by the caller, one standalone file) as a volume of the pool, named by
/// its digest so that it is uploaded once. What is there under that name is compared by size; a fresh upload
/// is read back and its SHA-256 compared. Returns its path on that host.
std::filesystem::path upload_image(const virt::Connection& connection, const std::string& pool,
                                   const std::filesystem::path& file, const std::string& key,
                                   const UploadProgress& progress = {});

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
