// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/offline_run.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <cerrno>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/inspection.hpp"

namespace imgforge::sysprep {

ProcessSpec working_overlay_spec(const std::filesystem::path& overlay, const std::filesystem::path& image,
                                 image::DiskFormat format) {
    return {.program = "qemu-img",
            .args = {"create", "-q", "-f", "qcow2", "-F", std::string(image::to_string(format)), "-b",
                     std::filesystem::absolute(image).string(), "-o", "cluster_size=4k", overlay.string()}};
}

namespace {

void flush(const std::filesystem::path& file) {
    const Fd fd = open_fd(file, O_RDONLY);
    if (::fsync(fd.get()) != 0) {
        throw system_error("flush", file.string(), errno);
    }
}

}  // namespace

OfflineRun::OfflineRun(OfflineRunOptions options, ProcessRunner& processes, Monitor& monitor)
    : options_(std::move(options)), processes_(processes), monitor_(monitor) {
    guest::ApplianceOptions appliance;
    appliance.accelerator = options_.accelerator;
    appliance.network = options_.network;
    appliance.memory_mib = options_.memory_mib;
    appliance.parent_activity = options_.parent_activity;
    // Half a minute where nothing else runs; seen to take 150 s on a host with a load of 20.
    appliance.launch_deadline = std::chrono::minutes(6);
    if (options_.throw_away) {
        appliance.drives = {{options_.image, std::string(image::to_string(options_.format)), true, false}};
    } else {
        make_overlay();
        appliance.drives = {{overlay_, "qcow2", false, true}};
    }
    appliance_ = std::make_unique<guest::Appliance>(std::move(appliance), monitor_);
    os_ = guest::open_guest(*appliance_, {.read_only = options_.read_only,
                                          .passphrase_file = options_.passphrase_file,
                                          .root_device = options_.root_device});
    fs_ = std::make_unique<guest::ApplianceFs>(*appliance_);
    session_.emplace(OfflineSession{appliance_.get(), *fs_, os_, needles_, monitor_, options_.work_folder,
                                    options_.read_only});
    for (const std::string& warning : os_.warnings) {
        monitor_.warning(warning);
    }
}

OfflineRun::~OfflineRun() {
    session_.reset();
    fs_.reset();
    appliance_.reset();
    std::error_code ignored;
    if (!overlay_.empty()) {
        std::filesystem::remove(overlay_, ignored);
    }
}

void OfflineRun::make_overlay() {
    overlay_ = options_.work_folder / "working.qcow2";
    std::filesystem::remove(overlay_);
    run_checked(processes_, working_overlay_spec(overlay_, options_.image, options_.format));
    std::filesystem::permissions(overlay_,
                                 std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
}

OfflineSession& OfflineRun::session() {
    return *session_;
}
double OfflineRun::launch_seconds() const {
    return appliance_ ? appliance_->launch_seconds() : 0;
}

void OfflineRun::checkpoint(const std::filesystem::path& file) {
    // Unmounting flushes the guest's file systems, and with the flush QEMU writes its own tables to the file,
    // also under cache=unsafe (block/io.c bdrv_co_flush: flush_to_os comes first). Nothing writes until the
    // next mount.
    guest::unmount_guest(*appliance_);
    copy_file_fast(overlay_, file, 0600);
    guest::mount_guest(*appliance_, os_, options_.read_only);
}

void OfflineRun::finish(const std::filesystem::path& file) {
    session_.reset();
    appliance_->finish();
    // QEMU wrote it under cache=unsafe: nothing was flushed to the disk so far.
    flush(overlay_);
    std::error_code problem;
    std::filesystem::rename(overlay_, file, problem);
    if (problem) {
        copy_file_fast(overlay_, file, 0600);
        std::filesystem::remove(overlay_);
    }
    overlay_.clear();
}

void OfflineRun::finish() {
    session_.reset();
    appliance_->finish();
}

}  // namespace imgforge::sysprep
