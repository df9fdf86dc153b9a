// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "builder/base/clock.hpp"
#include "builder/base/handle.hpp"
#include "builder/guest/appliance_tool.hpp"
#include "builder/guest/guestfs_library.hpp"
#include "sysprep/ops/encryption.hpp"
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

using Groups = Handle<guestfs_lvm_vg_list, &guestfs_free_lvm_vg_list>;

/// udev looks at every device that was written to; LVM waits only some seconds for it (lvm.conf,
/// retry_deactivation), which a busy host may not keep to.
void remove_volume(DeviceWork& work, const std::string& volume) {
    SystemClock clock;
    std::string seen;
    wait_until(
        clock, fmt::format("removal of {}", volume), std::chrono::minutes(2),
        [&] {
            guest::run_tool(work.appliance, "udevadm settle --timeout=30");
            const bool done = work.appliance.attempt("removal of " + volume, [&](guestfs_h* g) {
                return guestfs_lvremove(g, volume.c_str());
            }) == 0;
            seen = done ? "" : work.appliance.last_error();
            return done;
        },
        [&] { return seen; }, std::chrono::seconds(1));
}

void wipe_group(DeviceWork& work, const std::string& group) {
    const std::string name = "imgforge_free";
    const std::string volume = "/dev/" + group + "/" + name;
    work.appliance.call("volume over the free extents of " + group, [&](guestfs_h* g) {
        return guestfs_lvcreate_free(g, name.c_str(), group.c_str(), 100);
    });
    if (work.appliance.attempt("discard of " + volume,
                               [&](guestfs_h* g) { return guestfs_blkdiscard(g, volume.c_str()); }) != 0) {
        work.appliance.call(
            "wipe of " + volume, [&](guestfs_h* g) { return guestfs_zero_device(g, volume.c_str()); },
            std::chrono::hours(2));
    }
    remove_volume(work, volume);
    work.notes.push_back(fmt::format("free extents of volume group {} wiped", group));
}

}  // namespace

Operation lvm_free_space_operation() {
    return {
        .name = "lvm-free-space",
        .heading = "Wipe free extents of LVM volume groups",
        .reason = "removed volumes and snapshots leave their contents there",
        .source = "virt-sparsify in_place.ml; lvmthin(7)",
        .rows = {"C14"},
        .order = Operation::order_last,
        .on_devices =
            [](DeviceWork& work) {
                if (work.list_only) {
                    return;
                }
                const bool any =
                    std::any_of(work.os.file_systems.begin(), work.os.file_systems.end(),
                                [](const guest::FileSystem& file_system) {
                                    return file_system.mountable.starts_with("/dev/") &&
                                           file_system.mountable.find('/', 5) != std::string::npos;
                                });
                if (!any) {
                    return;
                }
                const Groups groups(
                    work.appliance.call("volume groups", [](guestfs_h* g) { return guestfs_vgs_full(g); }));
                for (std::uint32_t index = 0; index < groups->len; ++index) {
                    const std::string name = groups->val[index].vg_name;
                    if (groups->val[index].vg_free_count == 0) {
                        continue;
                    }
                    if (is_encrypted(work, "/dev/" + name + "/free")) {
                        work.notes.push_back(
                            fmt::format("free extents of {} are encrypted and were left as they are", name));
                    } else {
                        wipe_group(work, name);
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
