// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

namespace {

constexpr const char* keyring_unit = R"([Unit]
Description=Make the pacman keyring when there is none
Documentation=man:pacman-key(8)
ConditionPathExists=!/etc/pacman.d/gnupg

[Service]
Type=oneshot
ExecStart=/usr/bin/pacman-key --init
ExecStart=/usr/bin/pacman-key --populate
RemainAfterExit=yes

[Install]
WantedBy=multi-user.target
)";

}  // namespace

Operation pacman_keyring_operation() {
    return {
        .name = "pacman-keyring",
        .heading = "Make pacman draw its own master key",
        .reason = "the local signing key is a private key",
        .source = "pacman-key(8)",
        .rows = {"E12"},
        .perform =
            [](Cleaner& cleaner) {
                if (!cleaner.exists("/etc/pacman.d/gnupg")) {
                    return;
                }
                cleaner.remove("/etc/pacman.d/gnupg");
                if (!cleaner.exists("/etc/pacman.d/gnupg")) {
                    cleaner.systemd_unit("imgforge-pacman-keyring.service", keyring_unit);
                }
            },
    };
}

}  // namespace imgforge::sysprep
