// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/offline_run.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <algorithm>
#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/guest/appliance_fs.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "sysprep/foreign_guest.hpp"

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

std::filesystem::path added_file(const std::filesystem::path& file, std::size_t index) {
    std::filesystem::path name = file;
    name += fmt::format(".{}", index + 1);
    return name;
}

OfflineRun::OfflineRun(OfflineRunOptions options, ProcessRunner& processes, Monitor& monitor)
    : options_(std::move(options)), processes_(processes), monitor_(monitor) {
    if (options_.added.empty()) {
        refuse_foreign_guest(options_.image, options_.format, options_.work_folder, processes_);
    }
    if (!options_.throw_away) {
        make_overlays();
    }
    launch();
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

void OfflineRun::launch() {
    guest::ApplianceOptions appliance;
    appliance.accelerator = options_.accelerator;
    appliance.network = options_.network;
    appliance.memory_mib = options_.memory_mib;
    appliance.parent_activity = options_.parent_activity;
    // Half a minute where nothing else runs; seen to take 150 s on a host with a load of 20.
    appliance.launch_deadline = std::chrono::minutes(6);
    appliance.drives = drives();
    appliance_ = std::make_unique<guest::Appliance>(appliance, monitor_);
    if (correct_sectors(appliance.drives)) {
        appliance_.reset();
        appliance_ = std::make_unique<guest::Appliance>(appliance, monitor_);
    }
}

std::vector<guest::Drive> OfflineRun::drives() const {
    if (!options_.throw_away) {
        std::vector<guest::Drive> out;
        for (const std::filesystem::path& overlay : overlays_) {
            out.push_back({overlay, "qcow2", false, true});
        }
        return out;
    }
    std::vector<guest::Drive> out{
        {options_.image, std::string(image::to_string(options_.format)), true, false}};
    for (const AddedDisk& disk : options_.added) {
        out.push_back({disk.image, std::string(image::to_string(disk.format)), true, false});
    }
    return out;
}

/// The image does not say how large its sectors were, but a GPT stands in the second of them. True when a
/// disk has to be given anew.
bool OfflineRun::correct_sectors(std::vector<guest::Drive>& drives) {
    bool changed = false;
    const std::vector<std::string> partitions = guest::take_strings(
        appliance_->call("partitions", [](guestfs_h* g) { return guestfs_list_partitions(g); }));
    for (std::size_t index = 0; index < drives.size(); ++index) {
        const std::string device = fmt::format("/dev/sd{}", static_cast<char>('a' + index));
        const bool divided = std::any_of(partitions.begin(), partitions.end(), [&](const std::string& name) {
            return name.substr(0, name.find_last_not_of("0123456789") + 1) == device;
        });
        if (!divided && appliance_->read_device(device, 4096, 8) == "EFI PART") {
            drives[index].sector_bytes = 4096;
            changed = true;
        }
    }
    return changed;
}

OfflineRun::~OfflineRun() {
    session_.reset();
    fs_.reset();
    appliance_.reset();
    std::error_code ignored;
    for (const std::filesystem::path& overlay : overlays_) {
        std::filesystem::remove(overlay, ignored);
    }
}

void OfflineRun::make_overlays() {
    const auto make = [&](const std::filesystem::path& image, image::DiskFormat format) {
        const std::filesystem::path overlay =
            options_.work_folder /
            (overlays_.empty() ? "working.qcow2" : fmt::format("working-{}.qcow2", overlays_.size()));
        std::filesystem::remove(overlay);
        overlays_.push_back(overlay);
        run_checked(processes_, working_overlay_spec(overlay, image, format));
        std::filesystem::permissions(
            overlay, std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    };
    make(options_.image, options_.format);
    for (const AddedDisk& disk : options_.added) {
        make(disk.image, disk.format);
    }
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
    copy_file_fast(overlays_.front(), file, 0600);
    guest::mount_guest(*appliance_, os_, options_.read_only);
}

void OfflineRun::finish(const std::filesystem::path& file) {
    session_.reset();
    appliance_->finish();
    for (std::size_t index = 0; index < overlays_.size(); ++index) {
        const std::filesystem::path target = index == 0 ? file : added_file(file, index - 1);
        // QEMU wrote it under cache=unsafe: nothing was flushed to the disk so far.
        flush(overlays_[index]);
        std::error_code problem;
        std::filesystem::rename(overlays_[index], target, problem);
        if (problem) {
            copy_file_fast(overlays_[index], target, 0600);
            std::filesystem::remove(overlays_[index]);
        }
    }
    overlays_.clear();
}

void OfflineRun::finish() {
    session_.reset();
    appliance_->finish();
}

}  // namespace imgforge::sysprep
