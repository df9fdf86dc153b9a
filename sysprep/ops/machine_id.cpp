// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

/// systemd tells an empty file (new id, no presets) from "uninitialized" (first boot: presets are applied);
/// OpenRC guests need it absent, since dbus-uuidgen --ensure rejects an invalid one.
void settle(Cleaner& cleaner, const std::string& path) {
    MachineIdState state = cleaner.options().machine_id;
    if (state == MachineIdState::keep || cleaner.is_kept(path)) {
        return;
    }
    if (cleaner.os().init != "systemd" && state == MachineIdState::empty) {
        state = MachineIdState::remove;
    }
    if (state == MachineIdState::remove) {
        cleaner.remove(path);
        return;
    }
    const auto stat = cleaner.fs().lstat(path);
    const bool regular = stat && stat->type == guest::FileType::regular;
    if (state == MachineIdState::uninitialized || !regular) {
        cleaner.write(path, state == MachineIdState::uninitialized ? "uninitialized\n" : "", 0444);
    } else {
        // In place: mode, owner and SELinux label stay.
        cleaner.empty(path);
    }
}

}  // namespace

Operation machine_id_operation() {
    return {
        .name = "machine-id",
        .heading = "Empty the machine ID so that the first boot makes a new one",
        .reason = "clones with one machine-id share DHCP identifiers, stable addresses, MACs and journals",
        .source = "machine-id(5); systemd src/core/machine-id-setup.c",
        .rows = {"A1"},
        .order = Operation::order_identity,
        .again = true,
        .perform = [](Cleaner& cleaner) { settle(cleaner, "/etc/machine-id"); },
    };
}

}  // namespace imgforge::sysprep
