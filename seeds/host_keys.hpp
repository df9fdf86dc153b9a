// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>
#include <vector>

namespace imgforge::seeds {

/// An SSH host key made on this host, so that the guest need not spend its first boot on it and known_hosts
/// can be written before the machine runs.
struct HostKey {
    std::string type;         ///< "ed25519", "ecdsa" or "rsa"
    std::string private_key;  ///< PEM as ssh-keygen(1) writes it
    std::string public_key;   ///< "ssh-ed25519 AAAA… comment"
};

/// Fresh keys of these types ("ed25519", "ecdsa", "rsa"); made in this process by OpenSSL, RSA with 3072 bits
/// (some 0.1 s). Throws Failure::usage for another type.
std::vector<HostKey> make_host_keys(const std::vector<std::string>& types = {"ed25519", "ecdsa"},
                                    std::string_view comment = "imgforge");

}  // namespace imgforge::seeds
