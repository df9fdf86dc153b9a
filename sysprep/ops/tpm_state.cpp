// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation tpm_state_operation() {
    return {
        .name = "tpm-state",
        .heading = "Remove what is bound to one TPM",
        .reason = "a clone has another virtual TPM",
        .source = "systemd-tpm2-setup.service(8), systemd-pcrlock(8)",
        .rows = {"A11"},
        .remove = {"/var/lib/systemd/tpm2-srk-public-key.*", "/var/lib/systemd/pcrlock.json"},
    };
}

}  // namespace imgforge::sysprep
