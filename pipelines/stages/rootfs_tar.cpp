// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/rootfs_tar.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "builder/guest/inspection.hpp"
#include "pipelines/exchange/tar_file.hpp"

namespace imgforge::stages {
namespace {

/// What a container's runtime mounts over. tar's patterns begin at the root it was given.
const char* const left_out[] = {"./dev/*", "./proc/*", "./sys/*", "./run/*", nullptr};

int tar_out(guestfs_h* g, const char* tar) {
    struct guestfs_tar_out_opts_argv options {};
    options.bitmask = GUESTFS_TAR_OUT_OPTS_NUMERICOWNER_BITMASK | GUESTFS_TAR_OUT_OPTS_XATTRS_BITMASK |
                      GUESTFS_TAR_OUT_OPTS_ACLS_BITMASK | GUESTFS_TAR_OUT_OPTS_EXCLUDES_BITMASK;
    options.numericowner = 1;
    options.xattrs = 1;
    options.acls = 1;
    options.excludes = const_cast<char* const*>(left_out);
    return guestfs_tar_out_opts_argv(g, "/", tar, &options);
}

}  // namespace

void write_rootfs_tar(const std::filesystem::path& disk, const std::filesystem::path& tar,
                      guest::Accelerator accelerator, Monitor& monitor) {
    guest::ApplianceOptions options;
    options.drives.push_back({.file = disk, .read_only = true});
    options.accelerator = accelerator;
    options.launch_deadline = std::chrono::minutes(6);
    guest::Appliance appliance(std::move(options), monitor);
    guest::open_guest(appliance, {.read_only = true, .passphrase_file = {}, .root_device = {}});
    appliance.call(
        fmt::format("writing {}", tar.string()), [&](guestfs_h* g) { return tar_out(g, tar.c_str()); },
        std::chrono::hours(2));
    appliance.finish();
    const exchange::TarSummary summary = exchange::tar_summary(tar);
    if (summary.members == 0 || summary.devices != 0) {
        throw Error(Failure::integrity,
                    fmt::format("the root file system came out with {} members and {} device nodes",
                                summary.members, summary.devices));
    }
}

}  // namespace imgforge::stages
