// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>
#include <vector>

namespace imgforge::lifecycle {

/// An Ed25519 key pair as OpenSSH stores it, made in this process: a guest under emulation needs seconds for
/// its host keys, ssh-keygen(1) some 10 ms, this 0.1 ms.
struct SshKeyPair {
    std::string private_key;  ///< "-----BEGIN OPENSSH PRIVATE KEY-----…", to be kept 0600
    std::string public_key;   ///< "ssh-ed25519 AAAA… comment", without newline
};

/// From the kernel's random numbers (OpenSSL). `comment` has no newline.
SshKeyPair make_ssh_key(std::string_view comment);

/// The store's own key pair, keys/id_ed25519 (0600) and .pub, made when missing. Safe when several processes
/// ask at once.
struct StoreKey {
    std::filesystem::path private_file;
    std::string public_key;
};
StoreKey store_ssh_key(const std::filesystem::path& keys);

/// The public keys in a file, one per line, comments and blank lines left out. Throws Failure::recipe with
/// file and line for what is not a public key; a private key given by mistake is named as that, and none of
/// it is shown.
std::vector<std::string> read_public_keys(const std::filesystem::path& file);

/// The caller's own public keys: the `ssh_keys` setting is not looked at here; ~/.ssh/id_*.pub in the order
/// ssh(1) tries them.
std::vector<std::string> callers_public_keys();

}  // namespace imgforge::lifecycle
