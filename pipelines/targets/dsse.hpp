// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

#include "builder/base/json.hpp"

namespace imgforge::targets {

/// Wraps `payload` in a DSSE envelope (Dead Simple Signing Envelope 1.0) with one Ed25519 signature. `key` is
/// a private key in PEM, as `openssl genpkey -algorithm ed25519` writes it. Throws Failure::host when the
/// file cannot be read or is no such key.
Json seal_envelope(std::string_view payload, std::string_view type, const std::filesystem::path& key);

/// True for an object that has the members of an envelope.
bool is_envelope(const Json& value);

/// The payload of an envelope that the key signed. `key` is a public or private Ed25519 key in PEM. Throws
/// Failure::integrity, with `source` in the message, for another key, type or changed bytes.
std::string open_envelope(const Json& envelope, std::string_view type, const std::filesystem::path& key,
                          std::string_view source);

/// The payload without looking at the signature, for who was given no key.
std::string unverified_payload(const Json& envelope, std::string_view source);

}  // namespace imgforge::targets
