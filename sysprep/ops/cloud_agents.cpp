// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation cloud_agents_operation() {
    return {
        .name = "cloud-agents",
        .heading = "Remove the state of cloud agents",
        .reason = "instance identities of the builder",
        .source = "waagent, google-guest-agent, amazon-ssm-agent, ignition documentation",
        .rows = {"D4"},
        .remove = {"/var/lib/waagent/*", "/etc/instance_id", "/etc/default/instance_configs.cfg",
                   "/var/lib/amazon/ssm/*", "/etc/.ignition-result.json"},
    };
}

}  // namespace imgforge::sysprep
