// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation rhsm_operation() {
    return {
        .name = "rhsm",
        .heading = "Remove subscriptions of the Red Hat family",
        .reason = "clones would share one entitlement; the registration itself lives on at the vendor",
        .source = "subscription-manager(8), insights-client(8), dnf.conf(5) countme",
        .rows = {"D8"},
        .remove = {"/etc/pki/consumer/*", "/etc/pki/entitlement/*", "/var/lib/rhsm/*", "/etc/rhsm/facts/*",
                   "/etc/yum.repos.d/redhat.repo", "/etc/sysconfig/rhn/systemid",
                   "/etc/insights-client/{machine-id,.registered,.unregistered,.lastupload}",
                   "/var/lib/insights/*", "/etc/rhc/*", "/var/lib/rhc/*", "/var/lib/yum/uuid",
                   "/var/lib/dnf/repos/*/countme"},
        .perform =
            [](Cleaner& cleaner) {
                for (const Change& change : cleaner.changes) {
                    if (change.path.starts_with("/etc/pki/consumer/")) {
                        cleaner.note(
                            "the system was registered: unregister it at the vendor, or the entitlement "
                            "stays taken");
                        break;
                    }
                }
            },
    };
}

}  // namespace imgforge::sysprep
