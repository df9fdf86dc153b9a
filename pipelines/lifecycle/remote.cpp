// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/remote.hpp"

namespace imgforge::lifecycle {
namespace fs = std::filesystem;

fs::path upload_file(const virt::Connection& connection, const std::string& pool_name,
                     const std::string& volume_name, const fs::path& file) {
    const virt::StoragePool pool(connection, pool_name);
    pool.remove(volume_name);
    fs::path there = pool.create({.name = volume_name, .capacity = fs::file_size(file)});
    pool.upload(volume_name, file);
    return there;
}

fs::path create_remote_overlay(const virt::Connection& connection, const std::string& pool_name,
                               const std::string& volume_name, const fs::path& backing,
                               std::uint64_t virtual_size) {
    return virt::StoragePool(connection, pool_name)
        .create({.name = volume_name, .format = "qcow2", .capacity = virtual_size, .backing = backing});
}

void delete_remote_volumes(const virt::Connection& connection, const MachineRecord& record) {
    const virt::StoragePool pool(connection, record.pool);
    std::vector<fs::path> volumes = {record.disk, record.seed};
    for (const auto& disk : record.data_disks) {
        volumes.push_back(disk.path);
    }
    for (const auto& path : volumes) {
        // Only names of ours, whatever the record says: never the golden image, never another's volume.
        const std::string name = path.filename().string();
        if (name.rfind(record.name + ".", 0) == 0) {
            pool.remove(name);
        }
    }
}

}  // namespace imgforge::lifecycle
