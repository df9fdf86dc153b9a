// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>

#include "builder/base/error.hpp"
#include "sysprep/initramfs_names.hpp"
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

/// What the builders embed: dracut's 10systemd module-setup.sh, initramfs-tools hooks of open-iscsi, nvme and
/// dropbear.
bool is_identity(const std::string& name) {
    static const std::vector<std::string> exact{
        "etc/machine-id",          "etc/hostid",       "etc/iscsi/initiatorname.iscsi",
        "etc/initiatorname.iscsi", "etc/nvme/hostnqn", "etc/nvme/hostid"};
    return std::find(exact.begin(), exact.end(), name) != exact.end() ||
           (name.find("dropbear") != std::string::npos && name.find("host_key") != std::string::npos);
}

/// initramfs-tools copies identity only for these packages, so the image need not be read without them.
bool may_carry_identity(Cleaner& cleaner) {
    return !cleaner.fs()
                .glob_all({"/usr/bin/dracut", "/usr/sbin/dracut", "/etc/dropbear/initramfs",
                           "/etc/dropbear-initramfs", "/etc/iscsi/iscsi.initramfs"})
                .empty();
}

bool is_dirty(Cleaner& cleaner, const std::string& image) {
    constexpr std::uint64_t limit = 512U << 20U;
    if (!cleaner.fs().is_file(image)) {
        return false;
    }
    for (const InitramfsEntry& entry : initramfs_entries(cleaner.fs().read(image, limit))) {
        // systemd wants an empty etc/machine-id in an initramfs (initrd-release): only contents betray.
        if (is_identity(entry.name) && entry.size > 0) {
            return true;
        }
    }
    return false;
}

}  // namespace

Operation initramfs_operation() {
    return {
        .name = "initramfs",
        .heading = "Rebuild an initramfs that carries the old identity",
        .reason = "machine ID, initiator names and host keys survive in the compressed archive",
        .source = "dracut 10systemd/module-setup.sh; initramfs-tools(7) hooks",
        .rows = {"C11"},
        .order = Operation::order_rebuild,
        .perform =
            [](Cleaner& cleaner) {
                // Below a mount point no program of the guest would find it.
                if (!cleaner.options().only_below.empty() || !may_carry_identity(cleaner)) {
                    return;
                }
                std::vector<std::string> dirty;
                for (const std::string& image :
                     cleaner.fs().glob_all({"/boot/initrd.img-*", "/boot/initramfs-*.img"})) {
                    if (is_dirty(cleaner, image)) {
                        dirty.push_back(image);
                    }
                }
                if (dirty.empty()) {
                    return;
                }
                const bool dracut = !cleaner.fs().glob_all({"/usr/bin/dracut", "/usr/sbin/dracut"}).empty();
                const auto result = cleaner.fs().run(
                    dracut ? "dracut -f --regenerate-all --no-hostonly" : "update-initramfs -u -k all",
                    std::chrono::minutes(30));
                if (result.code != 0) {
                    throw Error(
                        Failure::guest,
                        fmt::format("the initramfs carries the old identity and cannot be rebuilt: {}",
                                    result.output));
                }
                for (const std::string& image : dirty) {
                    const auto stat = cleaner.fs().lstat(image);
                    cleaner.changes.push_back({image, "rebuild", stat ? stat->size : 0});
                }
            },
    };
}

}  // namespace imgforge::sysprep
