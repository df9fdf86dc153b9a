// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

// Not Before=ssh.socket: multi-user.target waits for basic.target, which waits for sockets.target: an
// ordering cycle, and systemd would drop the socket's job. sync: a machine whose plug is pulled soon after
// must not wake up with empty keys, which the condition takes for keys. After=sshd-keygen.service: Debian 13
// has one that runs at "first boot" only.
constexpr const char* host_key_unit = R"([Unit]
Description=Make SSH host keys when there are none
Documentation=man:ssh-keygen(1)
ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key
After=cloud-init.service cloud-init-network.service sshd-keygen.service
Before=ssh.service sshd.service

[Service]
Type=oneshot
ExecStart=/usr/bin/ssh-keygen -A
ExecStartPost=-sync -f /etc/ssh
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target
)";

bool has_sshd(Cleaner& cleaner) {
    return !cleaner.fs().glob_all({"/usr/sbin/sshd", "/usr/bin/sshd", "/usr/lib/ssh/sshd"}).empty();
}

/// Red Hat's, SUSE's and Arch's own, which look for missing keys at every start. Debian 13's
/// sshd-keygen.service does not.
bool has_generator(Cleaner& cleaner) {
    return !cleaner.fs()
                .glob_all({"/usr/lib/systemd/system/sshd-keygen@.service", "/usr/sbin/sshd-gen-keys-start",
                           "/usr/lib/systemd/system/sshdgenkeys.service"})
                .empty();
}

}  // namespace

Operation ssh_hostkey_generator_operation() {
    return {
        .name = "ssh-hostkey-generator",
        .heading = "Make sure that new SSH host keys appear at the first boot",
        .reason = "Debian and Ubuntu have nothing that works without cloud-init: sshd would not start",
        .source = "openssh-server maintainer scripts; systemd.unit(5) ConditionPathExistsGlob",
        .rows = {"A6"},
        .order = Operation::order_regenerate,
        .perform =
            [](Cleaner& cleaner) {
                if (cleaner.os().init == "systemd" && has_sshd(cleaner) && !has_generator(cleaner)) {
                    cleaner.systemd_unit("imgforge-ssh-hostkeys.service", host_key_unit);
                }
            },
    };
}

}  // namespace imgforge::sysprep
