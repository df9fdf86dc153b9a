// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <memory>
#include <string>
#include <string_view>

namespace imgforge {

/// An Ed25519 key (RFC 8032) in OpenSSL's hands: the private one to sign with, or only the public one.
class SigningKey {
public:
    /// A fresh private key.
    static SigningKey generate();
    /// A PEM file: "PRIVATE KEY" (PKCS 8) or "PUBLIC KEY". Throws Failure::host when it cannot be read,
    /// Failure::recipe when it is another kind of key, is encrypted, or is a private key that others may
    /// read.
    static SigningKey load(const std::filesystem::path& file);
    /// load(), or generate() and store with mode 0600 when no such file exists.
    static SigningKey load_or_create(const std::filesystem::path& file);

    ~SigningKey();
    SigningKey(SigningKey&&) noexcept;
    SigningKey& operator=(SigningKey&&) noexcept;

    bool can_sign() const;
    std::string private_pem() const;
    std::string public_pem() const;
    /// SHA-256 of the public key (DER SubjectPublicKeyInfo), 64 hexadecimal digits.
    std::string id() const;
    /// 64 bytes. Throws Failure::tool.
    std::string sign(std::string_view message) const;
    bool verify(std::string_view message, std::string_view signature) const;

private:
    struct State;
    explicit SigningKey(std::unique_ptr<State> state);
    std::unique_ptr<State> state_;
};

}  // namespace imgforge
