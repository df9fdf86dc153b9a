// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/sysprep_image.hpp"

#include <fmt/format.h>
#include <sys/stat.h>
#include <unistd.h>

#include "builder/base/error.hpp"
#include "builder/base/output_file.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/image_lock.hpp"
#include "builder/image/open_image.hpp"
#include "builder/image/qemu_img.hpp"

namespace imgforge::sysprep {

namespace {

using image::DiskFormat;

void refuse_snapshots(const ImageRequest& request, DiskFormat format, ProcessRunner& processes) {
    if (format != DiskFormat::qcow2 || request.output) {
        return;
    }
    const image::qemu_img::ImageInfo info = image::qemu_img::read_info(processes, request.image, format);
    if (!info.snapshots.empty()) {
        throw Error(Failure::guest,
                    fmt::format("{} holds {} internal snapshot(s) ('{}'), which keep what is to be cleaned",
                                request.image.string(), info.snapshots.size(), info.snapshots.front()),
                    "write the cleaned image to a new file with --output, which leaves them out, or delete "
                    "them with `qemu-img snapshot -d`");
    }
}

}  // namespace

DiskFormat check_image(const ImageRequest& request, ProcessRunner& processes, bool dry_run) {
    std::error_code ignored;
    if (!std::filesystem::is_regular_file(request.image, ignored)) {
        throw Error(
            Failure::usage,
            fmt::format(
                "{} {}", request.image.string(),
                std::filesystem::exists(request.image, ignored) ? "is not an image file" : "does not exist"),
            "name a qcow2 or raw file; golden images are cleaned by the sysprep stage of their recipe");
    }
    if (request.output) {
        const OutputFile checked(*request.output, OutputFile::Existing::refuse, 0600,
                                 "choose another name for --output, or remove it first");
    } else if (!dry_run) {
        const OutputFile checked(request.image, OutputFile::Existing::replace);
    }
    const DiskFormat format = image::open_image(processes, {.file = request.image,
                                                            .format = request.format,
                                                            .backing_files = request.backing_files})
                                  .format;
    // Written elsewhere or not at all, the image is only read: machines may stand on it, as they do on every
    // golden image.
    image::require_unused(request.image, !request.output && !dry_run);
    refuse_snapshots(request, format, processes);
    return format;
}

void write_standalone(const std::filesystem::path& overlay, const std::filesystem::path& target,
                      DiskFormat format, const std::filesystem::path& like, ProcessRunner& processes,
                      Monitor& monitor, std::uint64_t parent_activity) {
    struct ::stat status {};
    const bool known = ::stat(like.c_str(), &status) == 0;
    OutputFile file(target, OutputFile::Existing::replace, known ? status.st_mode & 07777U : 0600U);
    Activity activity(monitor, "write the cleaned image", parent_activity);
    image::qemu_img::run_convert(
        processes,
        {.from = overlay, .from_format = DiskFormat::qcow2, .to = file.temporary(), .to_format = format},
        [&](double percent) { activity.progress(percent, 100); });
    if (known && ::geteuid() == 0 && ::chown(file.temporary().c_str(), status.st_uid, status.st_gid) != 0) {
        throw system_error("change the owner of", file.temporary().string(), errno);
    }
    file.commit();
}

std::vector<AddedDisk> check_added(const ImageRequest& request, ProcessRunner& processes, bool dry_run) {
    if (!request.added.empty() && request.output) {
        throw Error(Failure::usage, "--output cannot be used together with --add",
                    "several disks are replaced in place; copy them first and name the copies");
    }
    std::vector<AddedDisk> out;
    for (const std::filesystem::path& disk : request.added) {
        std::error_code ignored;
        if (std::filesystem::equivalent(disk, request.image, ignored)) {
            throw Error(Failure::usage, fmt::format("{} is named twice", disk.string()),
                        "name every disk once");
        }
        out.push_back({disk, check_image({.image = disk}, processes, dry_run)});
    }
    return out;
}

std::vector<std::unique_ptr<image::ImageHold>> hold_disks(const ImageRequest& request) {
    std::vector<std::unique_ptr<image::ImageHold>> out;
    out.push_back(std::make_unique<image::ImageHold>(request.image));
    for (const std::filesystem::path& disk : request.added) {
        out.push_back(std::make_unique<image::ImageHold>(disk));
    }
    return out;
}

void write_disks(const ImageRequest& request, const std::filesystem::path& overlay, DiskFormat format,
                 const std::vector<AddedDisk>& added, ProcessRunner& processes, Monitor& monitor) {
    for (std::size_t index = 0; index < added.size(); ++index) {
        const std::filesystem::path disk = std::filesystem::canonical(added[index].image);
        write_standalone(added_file(overlay, index), disk, added[index].format, disk, processes, monitor);
    }
    // Last: it is what a failure before is judged by.
    const std::filesystem::path target = request.output.value_or(std::filesystem::canonical(request.image));
    write_standalone(overlay, target, format, request.image, processes, monitor);
}

SysprepReport sysprep_image(const ImageRequest& request, const std::vector<Operation>& operations,
                            const SysprepOptions& options, bool dry_run, ProcessRunner& processes,
                            Monitor& monitor) {
    const DiskFormat format = check_image(request, processes, dry_run);
    const std::vector<AddedDisk> added = check_added(request, processes, dry_run);
    // A link is followed: the work is done beside the file, not beside its name.
    const std::filesystem::path target = request.output.value_or(std::filesystem::canonical(request.image));
    // Beside the result: the overlay must not fill another file system. A dry run leaves the image's
    // directory alone.
    const TempDir work("imgforge-sysprep",
                       dry_run ? std::filesystem::path() : std::filesystem::absolute(target).parent_path());
    const auto holds = hold_disks(request);
    OfflineRun run({.image = request.image,
                    .format = format,
                    .work_folder = work.path(),
                    .throw_away = dry_run,
                    .accelerator = request.accelerator,
                    .passphrase_file = request.passphrase_file,
                    .root_device = request.root_device,
                    .added = added},
                   processes, monitor);
    SysprepReport report =
        run_operations(run.session(), operations, options, dry_run ? Devices::listed : Devices::wiped);
    if (dry_run) {
        run.finish();
        return report;
    }
    const std::filesystem::path overlay = work / "cleaned.qcow2";
    run.finish(overlay);
    write_disks(request, overlay, format, added, processes, monitor);
    return report;
}

}  // namespace imgforge::sysprep
