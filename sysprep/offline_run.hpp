// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/monitor.hpp"
#include "builder/base/process.hpp"
#include "builder/guest/appliance.hpp"
#include "builder/image/disk_format.hpp"
#include "sysprep/offline_session.hpp"

namespace imgforge::sysprep {

/// A disk of a guest other than its first.
struct AddedDisk {
    std::filesystem::path image;
    image::DiskFormat format = image::DiskFormat::qcow2;
};

struct OfflineRunOptions {
    std::filesystem::path image;  ///< never written to
    image::DiskFormat format = image::DiskFormat::qcow2;
    /// Where the working overlay and notes go (0700). The overlay holds secrets until it is wiped.
    std::filesystem::path work_folder;
    bool throw_away = false;  ///< dry runs, audits: changes go to a snapshot that is lost; no overlay is made
    bool read_only = false;   ///< also mount read-only
    bool network = false;
    int memory_mib = 0;
    guest::Accelerator accelerator = guest::Accelerator::tcg;
    std::filesystem::path passphrase_file{};
    std::string root_device{};
    std::uint64_t parent_activity = 0;
    std::vector<AddedDisk> added{};  ///< the guest's other disks, in order; treated as `image` is
};

/// One appliance launch over one image: makes a working overlay, launches, inspects and mounts. The image
/// itself is never changed, so an interrupt or a lost appliance leaves it as it was.
class OfflineRun {
public:
    /// Throws Failure::domain when the image is in use, Failure::integrity for references it must not have,
    /// Failure::guest for guests that cannot be worked on (see guest::open_guest).
    OfflineRun(OfflineRunOptions options, ProcessRunner& processes, Monitor& monitor);
    ~OfflineRun();

    OfflineSession& session();
    double launch_seconds() const;

    /// Unmounts, flushes, copies the overlay as it now is to `file` (same backing file), mounts again. Cheap:
    /// an overlay holds only what changed.
    void checkpoint(const std::filesystem::path& file);
    /// Shuts the appliance down and moves the overlay to `file`, those of added disks to added_file(file, N).
    /// The session is over.
    void finish(const std::filesystem::path& file);
    /// Shuts the appliance down; the overlay is dropped.
    void finish();

private:
    void make_overlays();
    void launch();
    std::vector<guest::Drive> drives() const;
    bool correct_sectors(std::vector<guest::Drive>& drives);

    OfflineRunOptions options_;
    ProcessRunner& processes_;
    Monitor& monitor_;
    std::vector<std::filesystem::path> overlays_;
    std::unique_ptr<guest::Appliance> appliance_;
    std::unique_ptr<guest::GuestFs> fs_;
    guest::Inspection os_;
    Needles needles_;
    std::optional<OfflineSession> session_;
};

/// Where OfflineRun::finish(file) leaves the overlay of added disk `index` (from 0).
std::filesystem::path added_file(const std::filesystem::path& file, std::size_t index);

/// An overlay with clusters of 4 KiB: a trim then drops every free block of the guest, where clusters of 64
/// KiB keep what lies beside used blocks.
ProcessSpec working_overlay_spec(const std::filesystem::path& overlay, const std::filesystem::path& image,
                                 image::DiskFormat format);

}  // namespace imgforge::sysprep
