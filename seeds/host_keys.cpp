// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/host_keys.hpp"

#include <cstdint>

#include <fmt/format.h>

#include "builder/base/base64.hpp"
#include "builder/base/crypto_library.hpp"
#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::seeds {
namespace {

using Key = Handle<EVP_PKEY, &EVP_PKEY_free>;
using Bignum = Handle<BIGNUM, &BN_free>;

[[noreturn]] void fail(std::string_view what) {
    throw Error(Failure::tool, fmt::format("cannot make an SSH host key: OpenSSL refused {}", what));
}

/// RFC 4251 section 5: uint32 length, then the bytes.
std::string field(std::string_view bytes) {
    std::string out;
    const auto size = static_cast<std::uint32_t>(bytes.size());
    for (int shift = 24; shift >= 0; shift -= 8) {
        out.push_back(static_cast<char>((size >> static_cast<unsigned>(shift)) & 0xffU));
    }
    return out.append(bytes);
}

/// RFC 4251 "mpint": big endian, with a zero byte before a leading one bit.
std::string mpint(const BIGNUM* number) {
    std::string bytes(static_cast<std::size_t>(BN_num_bytes(number)), '\0');
    BN_bn2bin(number, reinterpret_cast<unsigned char*>(bytes.data()));
    if (!bytes.empty() && (static_cast<unsigned char>(bytes[0]) & 0x80U) != 0) {
        bytes.insert(bytes.begin(), '\0');
    }
    return field(bytes);
}

Bignum number_of(const Key& key, const char* name) {
    BIGNUM* number = nullptr;
    if (EVP_PKEY_get_bn_param(key.get(), name, &number) != 1) {
        fail(name);
    }
    return Bignum(number);
}

/// The unencrypted "openssh-key-v1" container (OpenSSH PROTOCOL.key).
std::string openssh_private(std::string_view public_blob, std::string_view private_fields,
                            std::string_view comment) {
    const std::vector<std::uint8_t> check = random_bytes(4);
    const std::string check_bytes(check.begin(), check.end());
    std::string secret = check_bytes + check_bytes;
    secret.append(private_fields).append(field(comment));
    for (char pad = 1; secret.size() % 8 != 0; ++pad) {
        secret.push_back(pad);
    }
    std::string whole("openssh-key-v1\0", 15);
    whole += field("none") + field("none") + field("") + std::string("\0\0\0\1", 4) + field(public_blob) +
             field(secret);
    const std::string text = base64_encode(whole);
    std::string out = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    for (std::size_t at = 0; at < text.size(); at += 70) {
        out.append(text, at, 70).push_back('\n');
    }
    return out + "-----END OPENSSH PRIVATE KEY-----\n";
}

HostKey finished(std::string type, std::string_view wire_name, const std::string& blob,
                 std::string private_key, std::string_view comment) {
    remember_secret(private_key);
    return {.type = std::move(type),
            .private_key = std::move(private_key),
            .public_key = fmt::format("{} {} {}", wire_name, base64_encode(blob), comment)};
}

HostKey make_ed25519(std::string_view comment) {
    const Key key(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    if (!key) {
        fail("ED25519");
    }
    std::string secret(32, '\0');
    std::string open(32, '\0');
    std::size_t size = 32;
    if (EVP_PKEY_get_raw_private_key(key.get(), reinterpret_cast<unsigned char*>(secret.data()), &size) !=
            1 ||
        EVP_PKEY_get_raw_public_key(key.get(), reinterpret_cast<unsigned char*>(open.data()), &size) != 1) {
        fail("the raw ED25519 key");
    }
    const std::string blob = field("ssh-ed25519") + field(open);
    // PROTOCOL.key: the private half is seed and public key in one field.
    return finished("ed25519", "ssh-ed25519", blob,
                    openssh_private(blob, blob + field(secret + open), comment), comment);
}

HostKey make_ecdsa(std::string_view comment) {
    const Key key(EVP_EC_gen("P-256"));
    if (!key) {
        fail("P-256");
    }
    std::string point(65, '\0');  // uncompressed: 0x04, x, y
    std::size_t size = 0;
    if (EVP_PKEY_get_octet_string_param(key.get(), OSSL_PKEY_PARAM_PUB_KEY,
                                        reinterpret_cast<unsigned char*>(point.data()), point.size(),
                                        &size) != 1 ||
        size != point.size()) {
        fail("the public point of P-256");
    }
    const Bignum secret = number_of(key, OSSL_PKEY_PARAM_PRIV_KEY);
    const std::string blob = field("ecdsa-sha2-nistp256") + field("nistp256") + field(point);
    return finished("ecdsa", "ecdsa-sha2-nistp256", blob,
                    openssh_private(blob, blob + mpint(secret.get()), comment), comment);
}

HostKey make_rsa(std::string_view comment) {
    const Key key(EVP_RSA_gen(3072));
    if (!key) {
        fail("RSA");
    }
    const Bignum n = number_of(key, OSSL_PKEY_PARAM_RSA_N);
    const Bignum e = number_of(key, OSSL_PKEY_PARAM_RSA_E);
    const Bignum d = number_of(key, OSSL_PKEY_PARAM_RSA_D);
    const Bignum inverse = number_of(key, OSSL_PKEY_PARAM_RSA_COEFFICIENT1);
    const Bignum p = number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR1);
    const Bignum q = number_of(key, OSSL_PKEY_PARAM_RSA_FACTOR2);
    const std::string blob = field("ssh-rsa") + mpint(e.get()) + mpint(n.get());
    const std::string fields = field("ssh-rsa") + mpint(n.get()) + mpint(e.get()) + mpint(d.get()) +
                               mpint(inverse.get()) + mpint(p.get()) + mpint(q.get());
    return finished("rsa", "ssh-rsa", blob, openssh_private(blob, fields, comment), comment);
}

}  // namespace

std::vector<HostKey> make_host_keys(const std::vector<std::string>& types, std::string_view comment) {
    std::vector<HostKey> keys;
    for (const std::string& type : types) {
        if (type == "ed25519") {
            keys.push_back(make_ed25519(comment));
        } else if (type == "ecdsa") {
            keys.push_back(make_ecdsa(comment));
        } else if (type == "rsa") {
            keys.push_back(make_rsa(comment));
        } else {
            throw Error(Failure::usage, fmt::format("unknown host key type '{}'", type),
                        "use ed25519, ecdsa or rsa");
        }
    }
    return keys;
}

}  // namespace imgforge::seeds
