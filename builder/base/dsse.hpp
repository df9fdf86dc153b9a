// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <optional>
#include <string>
#include <string_view>

#include "builder/base/json.hpp"
#include "builder/base/signing_key.hpp"

namespace imgforge {

/// DSSE pre-authentication encoding: what is signed in place of the payload
/// (github.com/secure-systems-lab/dsse, protocol.md).
std::string dsse_encoding(std::string_view type, std::string_view payload);

/// Wraps `payload` in a DSSE envelope 1.0 with one Ed25519 signature. Throws Failure::tool for a public key.
Json seal_envelope(std::string_view payload, std::string_view type, const SigningKey& key);
/// The same by the key's file. Throws as SigningKey::load().
Json seal_envelope(std::string_view payload, std::string_view type, const std::filesystem::path& key);

/// True for an object that has the members of an envelope.
bool is_envelope(const Json& value);

/// The payload of an envelope of that type when the key signed it, else nothing. Never throws for what stands
/// in an envelope.
std::optional<std::string> signed_payload(const Json& envelope, std::string_view type, const SigningKey& key);

/// The payload of an envelope that the key signed. `key` is a public or private Ed25519 key in PEM. Throws
/// Failure::integrity, with `source` in the message, for another key, type or changed bytes.
std::string open_envelope(const Json& envelope, std::string_view type, const std::filesystem::path& key,
                          std::string_view source);

/// The payload without looking at the signature, for who was given no key.
std::string unverified_payload(const Json& envelope, std::string_view source);

}  // namespace imgforge
