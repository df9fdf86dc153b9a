// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation caches_operation() {
    return {
        .name = "caches",
        .heading = "Empty package and other caches",
        .reason = "weight, and traces of what was installed from where",
        .source = "hier(7) /var/cache; apt-get clean; dnf clean all",
        .rows = {"F5"},
        .order = Operation::order_rebuild,
        .remove = {"/var/cache/apt/{pkgcache,srcpkgcache}.bin", "/var/cache/apk/*", "/etc/apk/cache/*",
                   "/var/lib/apt/lists/*"},
        .clear = {"/var/cache/apt/archives", "/var/cache/dnf", "/var/cache/yum", "/var/cache/libdnf5",
                  "/var/cache/zypp", "/var/cache/pacman/pkg", "/var/cache/man", "/var/cache/fontconfig",
                  "/var/cache/PackageKit", "/var/cache/samba"},
    };
}

}  // namespace imgforge::sysprep
