// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation config_management_operation() {
    return {
        .name = "config-management",
        .heading = "Remove identities of Puppet, Chef, Salt and CFEngine",
        .reason = "one certificate for all clones; the server mixes them up",
        .source = "puppet.conf(5) ssldir, chef-client, salt minion_id, cf-key(8)",
        .rows = {"D10"},
        .remove = {"/etc/puppetlabs/puppet/ssl/*", "/opt/puppetlabs/puppet/cache/*", "/var/lib/puppet/*",
                   "/etc/chef/{client,validation}.pem", "/etc/salt/minion_id", "/etc/salt/pki/minion/*",
                   "/var/cfengine/ppkeys/*", "/var/cfengine/policy_server.dat"},
        .perform =
            [](Cleaner& cleaner) {
                cleaner.remove_all(cleaner.in_homes({".ansible"}));
                for (const std::string& path : cleaner.fs().glob("/etc/ansible/facts.d/*")) {
                    cleaner.note(path + " gives facts about the builder to Ansible");
                }
            },
    };
}

}  // namespace imgforge::sysprep
