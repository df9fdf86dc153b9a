// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation containers_operation() {
    return {
        .name = "containers",
        .heading = "Remove identities and logins of container engines",
        .reason = "engine ids must differ; registry logins leak",
        .source = "dockerd(8), containerd introspection plugin, containers-auth.json(5)",
        .rows = {"D11"},
        .remove = {"/etc/docker/key.json", "/var/lib/docker/engine-id", "/var/lib/docker/swarm",
                   "/var/lib/containerd/io.containerd.grpc.v1.introspection/uuid",
                   "/run/containers/0/auth.json"},
    };
}

}  // namespace imgforge::sysprep
