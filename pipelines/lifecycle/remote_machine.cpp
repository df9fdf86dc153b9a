// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/remote_machine.hpp"

#include <optional>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/lifecycle/remote.hpp"
#include "pipelines/store/volume_name.hpp"

namespace imgforge::lifecycle {

std::filesystem::path provide_image(Lifecycle& lifecycle, const Placement& placement,
                                    const store::Generation& generation,
                                    const std::vector<std::filesystem::path>& chain) {
    make_directories(lifecycle.places().cache());
    const auto lock = FileLock::acquire(
        lifecycle.places().cache() / ".upload.lock", fmt::format("upload {}", generation.label()),
        std::chrono::hours(2), [&](const std::string& holder) {
            lifecycle.monitor().message("waiting for another upload: " + holder);
        });
    const auto connection = lifecycle.open_uri(placement.connection);
    Activity activity(lifecycle.monitor(),
                      fmt::format("provide {} on {}", generation.label(),
                                  placement.host.empty() ? placement.connection : placement.host));
    const auto progress = [&](std::uint64_t done, std::uint64_t total) {
        activity.progress(static_cast<double>(done), static_cast<double>(total), "bytes");
    };
    const virt::StoragePool pool(connection, placement.pool);
    const std::string volume = store::volume_name(generation);
    std::optional<TempDir> scratch;
    const auto file = [&] {
        if (chain.size() == 1) {
            return chain.front();
        }
        scratch.emplace("imgforge-upload", lifecycle.places().cache());
        const std::filesystem::path flat = *scratch / "disk.qcow2";
        image::qemu_img::run_convert(
            lifecycle.processes(),
            {.from = chain.front(), .to = flat, .compression = image::qemu_img::Compression::zstd});
        return flat;
    };
    return virt::provide_volume(pool, volume, file, progress).path;
}

void move_to_pool(ConnectionPool& connections, MachineRecord& record,
                  const std::optional<std::filesystem::path>& base, ByteSize root_size) {
    const auto connection = connections.open(record);
    const auto replace = [](std::filesystem::path& local, const std::filesystem::path& there) {
        remove_tree(local);
        local = there;
    };
    if (base) {
        record.backing = {*base};
        replace(record.disk, create_remote_overlay(connection, record.pool, record.name + ".disk.qcow2",
                                                   *base, root_size.in_bytes()));
    }
    for (std::size_t i = 0; i < record.data_disks.size(); ++i) {
        auto& disk = record.data_disks[i];
        replace(disk.path, create_remote_overlay(connection, record.pool,
                                                 fmt::format("{}.data-{}.qcow2", record.name, i + 1), {},
                                                 disk.size.in_bytes()));
    }
    replace(record.seed, upload_file(connection, record.pool, record.name + ".seed.iso", record.seed));
}

}  // namespace imgforge::lifecycle
