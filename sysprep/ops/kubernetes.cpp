// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/error.hpp"
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

void refuse_cluster_member(Cleaner& cleaner) {
    if (!cleaner.fs().list("/var/lib/etcd").empty()) {
        throw Error(Failure::guest,
                    "/var/lib/etcd holds the data of a cluster member: a golden image cannot be made of it",
                    "run `kubeadm reset` in it first, or pass --operations -kubernetes");
    }
}

}  // namespace imgforge::sysprep
