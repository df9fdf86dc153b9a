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
/// spoils all. With `pinned` only that key, as primary or subkey, counts.
std::optional<std::string> good_signer(std::string_view status, const std::string& pinned = {});

/// True when the text is clear-signed (the signature inside).
bool is_clear_signed(std::string_view text);

/// Runs gpgv; throws Failure::integrity naming the file and gpgv's words unless the signature is good. Gives
/// the fingerprint.
std::string verify_signature(ProcessRunner& runner, const std::filesystem::path& keyring,
                             const std::filesystem::path& data,
                             const std::optional<std::filesystem::path>& signature,
                             const std::string& pinned = {}, const std::filesystem::path& covered = {});

}  // namespace imgforge::fetch
