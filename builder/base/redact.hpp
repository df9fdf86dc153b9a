// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge {

/// Masks what looks like a secret in text that leaves the process: values registered by remember_secret(),
/// private key blocks, crypt(3) hashes ($6$…, $y$…), and the values behind keys such as password, passwd,
/// token, secret. Every log line, error, plan and artefact passes through here.
std::string redact(std::string_view text);

/// From now on redact() masks this exact value. Values shorter than 4 characters are not masked (they would
/// mask half the log).
void remember_secret(std::string_view value);

/// From now on redact() leaves this text alone although it looks like "key: value": a fixed term of ours such
/// as "secret:password-hash".
void never_redact(std::string_view term);

/// True for names of settings and answers whose value must not be shown: password, passwd, passphrase,
/// secret, token, private_key…
bool is_secret_key(std::string_view key);

}  // namespace imgforge
