// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include "seeds/host_keys.hpp"

namespace imgforge::lifecycle {

/// What makes a clone of a running template a machine of its own. All of it is fresh for each clone.
struct CloneIdentity {
    std::string hostname;
    std::string machine_id;  ///< 32 hex digits
    std::string boot_id;     ///< UUID
    std::string user;        ///< whose authorized_keys are written
    std::vector<std::string> ssh_keys;
    std::vector<seeds::HostKey> host_keys;
    std::string entropy;  ///< random bytes of the host, 64 of them
};

/// Shell script that gives a clone its identity, to run before it has a network card: clock, machine-id, host
/// name, host keys, login keys, the kernel's random pool; DHCP identifiers, seeds of services and
/// cloud-init's record of the template go. Fails with a reason on stderr rather than leaving anything the
/// template had. `clock`: seconds since 1970 with fraction. It starts five programs where the guest has
/// systemd, a kernel with the vmgenid driver and no SELinux: all else is done by the shell itself, because
/// starting a program is what costs in an emulated guest. Pure.
std::string identity_script(const CloneIdentity& identity, std::string_view clock);

/// Shell script: exit code 0 when the template is up and cloud-init is through, 3 while it is not, 4 when
/// no cloud-init is there.
std::string template_ready_script();

/// Shell script run in the template just before its memory is saved: logs `user` in once, with a key of that
/// moment, so that what a login needs is in memory; stops the DHCP client; and takes what a clone would
/// otherwise inherit. sshd keeps running: the clone's identity makes it read the clone's own host keys.
std::string template_seal_script(const std::string& user);

/// The host name templates have; the identity script replaces it.
inline constexpr std::string_view template_hostname = "imgforge-template";

/// The word as it goes into a script unquoted: names of hosts and users, hex digits, MACs. Throws
/// Failure::usage when a shell could read anything else in it.
const std::string& plain_word(const std::string& word);

}  // namespace imgforge::lifecycle
