// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation suse_registration_operation() {
    return {
        .name = "suse-registration",
        .heading = "Remove SUSE registrations",
        .reason = "clones would share one set of credentials",
        .source = "SUSEConnect(8), zypper(8)",
        .rows = {"D9"},
        .families = {"suse"},
        .remove = {"/etc/SUSEConnect", "/etc/zypp/credentials.d/*", "/var/lib/zypp/AnonymousUniqueId",
                   "/var/lib/suseconnect/*"},
    };
}

}  // namespace imgforge::sysprep
