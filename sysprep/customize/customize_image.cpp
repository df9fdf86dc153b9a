// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/customize_image.hpp"

#include "builder/base/temp_dir.hpp"
#include "builder/image/image_lock.hpp"

namespace imgforge::sysprep {

CustomizeReport customize_image(const ImageRequest& request, const CustomizeSpec& spec,
                                const std::filesystem::path& logs, ProcessRunner& processes,
                                Monitor& monitor) {
    const image::DiskFormat format = check_image(request, processes);
    const std::vector<AddedDisk> added = check_added(request, processes);
    const std::filesystem::path target = request.output.value_or(std::filesystem::canonical(request.image));
    const TempDir work("imgforge-customize", std::filesystem::absolute(target).parent_path());
    const auto holds = hold_disks(request);
    OfflineRun run({.image = request.image,
                    .format = format,
                    .work_folder = work.path(),
                    .network = spec.network,
                    .accelerator = request.accelerator,
                    .passphrase_file = request.passphrase_file,
                    .root_device = request.root_device,
                    .added = added},
                   processes, monitor);
    CustomizeReport report = customize(run.session(), spec, logs);
    const std::filesystem::path overlay = work / "customized.qcow2";
    run.finish(overlay);
    write_disks(request, overlay, format, added, processes, monitor);
    return report;
}

}  // namespace imgforge::sysprep
