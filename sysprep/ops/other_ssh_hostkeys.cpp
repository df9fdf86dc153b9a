// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/ops/ops.hpp"

namespace imgforge::sysprep {

Operation other_ssh_hostkeys_operation() {
    return {
        .name = "other-ssh-hostkeys",
        .heading = "Remove the host keys of dropbear and tinysshd",
        .reason = "as with OpenSSH; the initramfs may hold copies, which are rebuilt",
        .source = "dropbear(8), dropbear-initramfs hook, tinysshd(8)",
        .rows = {"A7"},
        .remove = {"/etc/dropbear/dropbear_*_host_key", "/etc/dropbear/initramfs/*host_key*",
                   "/etc/dropbear-initramfs/*host_key*", "/etc/tinyssh/sshkeydir"},
    };
}

}  // namespace imgforge::sysprep
