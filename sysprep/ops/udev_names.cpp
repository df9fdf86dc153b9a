// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation udev_names_operation() {
    return {
        .name = "udev-names",
        .heading = "Remove persistent device names",
        .reason = "they map the builder's MAC to eth0",
        .source = "udev(7) 70-persistent-net.rules; iftab(5)",
        .rows = {"B9"},
        .remove = {"/etc/udev/rules.d/70-persistent-net.rules",
                   "/etc/udev/rules.d/75-persistent-net-generator.rules",
                   "/etc/udev/rules.d/70-persistent-cd.rules", "/etc/iftab"},
    };
}

}  // namespace imgforge::sysprep
