// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation desktop_operation() {
    return {
        .name = "desktop",
        .heading = "Remove desktop identities",
        .reason = "users, paired devices and printers of the builder",
        .source = "AccountsService, bluez, colord, upower, fprintd, CUPS documentation",
        .rows = {"F7"},
        .remove = {"/etc/cups/printers.conf*", "/etc/cups/ppd/*", "/etc/cups/subscriptions.conf*"},
        .clear = {"/var/lib/AccountsService/users", "/var/lib/AccountsService/icons", "/var/lib/fprint",
                  "/var/lib/bluetooth", "/var/lib/colord", "/var/lib/upower", "/var/cache/gdm"},
    };
}

}  // namespace imgforge::sysprep
