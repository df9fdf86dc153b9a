// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

#include "builder/base/error.hpp"

namespace imgforge::sysprep {

Operation kubernetes_operation() {
    return {
        .name = "kubernetes",
        .heading = "Remove node identities of Kubernetes",
        .reason = "a node certificate admits whoever has it",
        .source = "kubeadm reset; k3s and rke2 documentation",
        .rows = {"D12"},
        .remove = {"/etc/kubernetes/pki", "/etc/kubernetes/*.conf",
                   "/var/lib/kubelet/{pki,config.yaml,kubeadm-flags.env}",
                   "/var/lib/rancher/*/server/{token,tls,cred,db}",
                   "/var/lib/rancher/*/agent/*.{key,crt,kubeconfig}", "/etc/rancher/node/password",
                   "/var/lib/cni/*"},
        .perform =
            [](Cleaner& cleaner) {
                if (!cleaner.fs().list("/var/lib/etcd").empty()) {
                    throw Error(Failure::guest,
                                "/var/lib/etcd holds the data of a cluster member: this is no machine to "
                                "make an image of",
                                "run `kubeadm reset` in it first, or pass --operations -kubernetes");
                }
            },
    };
}

}  // namespace imgforge::sysprep
