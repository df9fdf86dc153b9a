// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <filesystem>
#include <string>
#include <vector>

#include "builder/base/process.hpp"

namespace imgforge::lifecycle {

/// How to reach a machine by SSH. Its host key was made on this host, so it is known before the first
/// connection: nothing is trusted on first use.
struct SshTarget {
    std::string machine;  ///< the name host keys are filed under (HostKeyAlias)
    std::string host;     ///< address or 127.0.0.1
    std::uint16_t port = 22;
    std::string user;
    std::filesystem::path identity;     ///< the store's private key
    std::filesystem::path known_hosts;  ///< instances/NAME/known_hosts
    std::string jump{};                 ///< [user@]host to go through (remote libvirt host); empty: directly
};

/// Arguments of ssh(1) after its own name; `command` (already quoted for the guest's shell) may be empty for
/// a login shell. `batch`: never ask anything, give up on a silent peer after 10 s.
std::vector<std::string> ssh_arguments(const SshTarget& target, const std::string& command, bool batch);

/// The command a person can paste: "ssh -i … -p 22001 debian@127.0.0.1".
std::string ssh_paste_line(const SshTarget& target);

/// One line of a known_hosts file: the machine's name and a public key without its comment.
std::string known_hosts_line(const std::string& machine, const std::string& public_key);

/// What one attempt to reach a machine showed.
struct SshProbe {
    bool reached = false;  ///< logged in, and the command exited 0
    std::string seen;  ///< "connection refused", "no banner yet", "SSH-2.0-OpenSSH_9.2p1, then: Permission
                       ///< denied (publickey)"
    std::string output{};  ///< of the command
};

/// Reads the banner first (cheap), and only then logs in to run `command`, both within `timeout`.
SshProbe probe_ssh(ProcessRunner& processes, const SshTarget& target, const std::string& command,
                   std::chrono::milliseconds timeout);

/// The first line a TCP server sends, or in `seen` why there is none. For a jump host use probe_ssh.
std::string read_banner(const std::string& host, std::uint16_t port, std::chrono::milliseconds timeout,
                        std::string& seen);

}  // namespace imgforge::lifecycle
