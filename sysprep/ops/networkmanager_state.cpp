// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation networkmanager_state_operation() {
    return {
        .name = "networkmanager-state",
        .heading = "Remove NetworkManager's secret key and memory",
        .reason = "key and machine-id together make stable addresses, cloned MACs and DUIDs",
        .source = "NetworkManager.conf(5) connection.stable-id",
        .rows = {"B4"},
        .remove = {"/var/lib/NetworkManager/"
                   "{secret_key,timestamps,seen-bssids,NetworkManager-intern.conf,no-auto-default.state}"},
    };
}

}  // namespace imgforge::sysprep
