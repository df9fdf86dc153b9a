// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation domain_operation() {
    return {
        .name = "domain",
        .heading = "Remove membership in directory services",
        .reason = "a keytab is the machine's password in the domain",
        .source = "kerberos keytab(5), sssd(8), ipa-client, samba secrets.tdb",
        .rows = {"D13"},
        .remove = {"/etc/krb5.keytab", "/var/lib/sss/{db,mc,secrets}/*", "/var/lib/ipa-client/*",
                   "/etc/ipa/default.conf", "/var/lib/samba/private/*.tdb", "/var/lib/samba/secrets.tdb"},
        .perform =
            [](Cleaner& cleaner) {
                if (cleaner.read("/etc/sssd/sssd.conf").find("ldap_default_authtok") != std::string::npos) {
                    cleaner.note("/etc/sssd/sssd.conf holds a bind password");
                }
            },
    };
}

}  // namespace imgforge::sysprep
