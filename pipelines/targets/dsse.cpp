// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/targets/dsse.hpp"

#include <openssl/bio.h>
#include <openssl/evp.h>
#include <openssl/pem.h>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"

namespace fs = std::filesystem;

namespace imgforge::targets {
namespace {

using Key = Handle<EVP_PKEY, EVP_PKEY_free>;
using Bio = Handle<BIO, BIO_free>;
using Context = Handle<EVP_MD_CTX, EVP_MD_CTX_free>;

/// Never asks at a terminal.
int no_passphrase(char*, int, int, void*) {
    return -1;
}

Key read_key(const fs::path& file, bool private_key) {
    const std::string pem = read_file(file, 64U << 10U);
    const auto open = [&] { return Bio(BIO_new_mem_buf(pem.data(), static_cast<int>(pem.size()))); };
    Key key;
    if (!private_key) {
        key.reset(PEM_read_bio_PUBKEY(open().get(), nullptr, no_passphrase, nullptr));
    }
    if (!key) {
        key.reset(PEM_read_bio_PrivateKey(open().get(), nullptr, no_passphrase, nullptr));
    }
    if (!key || EVP_PKEY_get_id(key.get()) != EVP_PKEY_ED25519) {
        throw Error(
            Failure::host,
            fmt::format("{} is not {} Ed25519 key in PEM", file.string(), private_key ? "a private" : "an"),
            "openssl genpkey -algorithm ed25519 -out KEY makes one, openssl pkey -in KEY -pubout its "
            "public half");
    }
    return key;
}

/// Pre-authentication encoding: what is signed in place of the payload.
std::string encoded(std::string_view type, std::string_view payload) {
    return fmt::format("DSSEv1 {} {} {} {}", type.size(), type, payload.size(), payload);
}

const unsigned char* bytes_of(std::string_view text) {
    return reinterpret_cast<const unsigned char*>(text.data());
}

std::string public_id(EVP_PKEY* key) {
    std::string raw(32, '\0');
    std::size_t size = raw.size();
    EVP_PKEY_get_raw_public_key(key, reinterpret_cast<unsigned char*>(raw.data()), &size);
    return sha256_hex(raw);
}

std::string signature_of(EVP_PKEY* key, std::string_view message) {
    const Context context(EVP_MD_CTX_new());
    std::string signature(64, '\0');
    std::size_t size = signature.size();
    if (EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, key) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size,
                       bytes_of(message), message.size()) != 1) {
        throw Error(Failure::tool, "OpenSSL cannot sign with this key");
    }
    signature.resize(size);
    return signature;
}

bool verifies(EVP_PKEY* key, std::string_view message, std::string_view signature) {
    const Context context(EVP_MD_CTX_new());
    return EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, key) == 1 &&
           EVP_DigestVerify(context.get(), bytes_of(signature), signature.size(), bytes_of(message),
                            message.size()) == 1;
}

std::string text_member(const Json& object, const char* name) {
    return object.contains(name) && object[name].is_string() ? object[name].get<std::string>()
                                                             : std::string();
}

}  // namespace

Json seal_envelope(std::string_view payload, std::string_view type, const fs::path& key_file) {
    const Key key = read_key(key_file, true);
    const std::string signature = signature_of(key.get(), encoded(type, payload));
    return {
        {"payloadType", std::string(type)},
        {"payload", base64_encode(payload)},
        {"signatures", Json::array({{{"keyid", public_id(key.get())}, {"sig", base64_encode(signature)}}})}};
}

bool is_envelope(const Json& value) {
    return value.is_object() && value.contains("payload") && value.contains("signatures");
}

std::string unverified_payload(const Json& envelope, std::string_view source) {
    const auto payload = base64_decode(text_member(envelope, "payload"));
    if (!payload) {
        throw Error(Failure::integrity, fmt::format("{} is not a DSSE envelope", source));
    }
    return *payload;
}

std::string open_envelope(const Json& envelope, std::string_view type, const fs::path& key_file,
                          std::string_view source) {
    if (!is_envelope(envelope) || !envelope["signatures"].is_array()) {
        throw Error(Failure::integrity, fmt::format("{} is not signed, but a key is set for it", source),
                    "its owner signs it with `key:` in the target's settings");
    }
    std::string payload = unverified_payload(envelope, source);
    const Key key = read_key(key_file, false);
    const std::string message = encoded(type, payload);
    for (const Json& one : envelope["signatures"]) {
        const auto signature = base64_decode(one.is_object() ? text_member(one, "sig") : std::string());
        if (text_member(envelope, "payloadType") == type && signature &&
            verifies(key.get(), message, *signature)) {
            return payload;
        }
    }
    throw Error(Failure::integrity, fmt::format("{} is not signed by {}", source, key_file.string()),
                "it was changed, or the key is another one; nothing was taken from it");
}

}  // namespace imgforge::targets
