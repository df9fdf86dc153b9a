// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation dbus_machine_id_operation() {
    return {
        .name = "dbus-machine-id",
        .heading = "Remove a machine ID that D-Bus keeps as a file of its own",
        .reason =
            "systemd reads a regular D-Bus id first when /etc/machine-id is empty: a leftover brings the old "
            "id back on every clone",
        .source = "systemd machine-id-setup.c generate_machine_id()",
        .rows = {"A2"},
        .order = Operation::order_identity,
        .again = true,
        .perform =
            [](Cleaner& cleaner) {
                constexpr const char* path = "/var/lib/dbus/machine-id";
                const auto stat = cleaner.fs().lstat(path);
                if (!stat || stat->type == guest::FileType::symlink ||
                    cleaner.options().machine_id == MachineIdState::keep) {
                    return;
                }
                if (cleaner.os().init == "systemd") {
                    cleaner.link("/etc/machine-id", path);
                } else {
                    cleaner.remove(path);
                }
            },
    };
}

}  // namespace imgforge::sysprep
