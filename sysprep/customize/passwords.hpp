// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace imgforge::sysprep {

/// What becomes of a user's password: a word of virt-customize(1) "USERS AND PASSWORDS".
struct PasswordChange {
    bool keep_hash = false;   ///< `locked` without a new password: the old hash gets "!" before it
    bool locked = false;      ///< "!" before the hash
    std::string hash{};       ///< crypt(3), or "*"
    std::string generated{};  ///< the password, when it was drawn here: shown once, kept nowhere
};

/// Throws Failure::recipe unless `crypto` is a hash for passwords: md5, sha256, sha512 or yescrypt.
void check_crypto(std::string_view crypto);

/// `password:TEXT`, `file:PATH` (first line; relative to `folder`), `hash:CRYPT`, `random`, `disabled`,
/// `locked`, `locked:` and one of these. Throws Failure::recipe for others, Failure::host for a file that
/// cannot be read. Text is hashed by `crypto`, which
/// is checked whether there is text or not: see check_crypto().
PasswordChange parse_password(std::string_view text, const std::filesystem::path& folder,
                              std::string_view crypto = "sha512");

/// The field of /etc/shadow after the change.
std::string shadow_field(const PasswordChange& change, std::string_view before);

}  // namespace imgforge::sysprep
