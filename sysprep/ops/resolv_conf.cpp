// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation resolv_conf_operation() {
    return {
        .name = "resolv-conf",
        .heading = "Empty a resolv.conf written for the builder's network",
        .reason = "it names nameservers that clones may not reach; a link to a resolver stays",
        .source = "resolv.conf(5)",
        .rows = {"B10"},
        .order = Operation::order_last,
        .perform =
            [](Cleaner& cleaner) {
                // A DHCP client writes it again; a link (systemd-resolved, resolvconf) is settings, not
                // state.
                if (cleaner.fs().is_file("/etc/resolv.conf")) {
                    cleaner.empty("/etc/resolv.conf");
                }
            },
    };
}

}  // namespace imgforge::sysprep
