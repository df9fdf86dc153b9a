// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation nvme_operation() {
    return {
        .name = "nvme",
        .heading = "Remove the NVMe host identity",
        .reason = "storage systems tell hosts apart by it; nvme-cli then takes the machine's UUID",
        .source = "nvme-gen-hostnqn(1)",
        .rows = {"B12"},
        .remove = {"/etc/nvme/hostnqn", "/etc/nvme/hostid"},
    };
}

}  // namespace imgforge::sysprep
