// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "builder/base/process.hpp"

namespace imgforge::fetch {

/// The command line: gpgv with that keyring only, no trust database, no GNUPGHOME. Without a detached
/// signature `data` is clear-signed and gpgv writes the text that is covered to `covered`.
ProcessSpec gpgv(const std::filesystem::path& keyring, const std::filesystem::path& data,
                 const std::optional<std::filesystem::path>& signature,
                 const std::filesystem::path& covered = {});

/// Fingerprint of the key that made a good signature, from gpgv's --status-fd lines (GnuPG doc/DETAILS):
/// VALIDSIG counts only after GOODSIG (an expired or revoked key gives VALIDSIG as well), and one BADSIG
/// spoils all. With `pinned` (fingerprints, separated by blanks) only those keys,
/// as primary or subkey, count.
std::optional<std::string> good_signer(std::string_view status, const std::string& pinned = {});

/// True when the text is clear-signed (the signature inside).
bool is_clear_signed(std::string_view text);

/// Why there was no good signature, from the same lines: "key … that made it has expired".
std::string why_not_good(std::string_view status, const std::string& pinned = {});

/// Runs gpgv; throws Failure::integrity naming the file and the reason unless the signature is good, and
/// Failure::host naming `package` when the keyring is missing. The keyring may be armoured. Gives the
/// fingerprint.
std::string verify_signature(ProcessRunner& runner, const std::filesystem::path& keyring,
                             const std::filesystem::path& data,
                             const std::optional<std::filesystem::path>& signature,
                             const std::string& pinned = {}, const std::filesystem::path& covered = {},
                             const std::string& package = {});

}  // namespace imgforge::fetch
