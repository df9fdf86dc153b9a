// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/audit/secret_shapes.hpp"

namespace imgforge::sysprep::audit {

namespace {

/// crypt(5): "$id$[parameters$]salt$" and a hash of exactly `hash` characters.
Found crypt_hash(std::string_view data, std::size_t at, std::size_t prefix, std::size_t fields,
                 std::size_t hash) {
    std::size_t pos = at + prefix;
    for (std::size_t field = 0; field < fields; ++field) {
        std::size_t length = run_of(data, pos, is_crypt, 90);
        if (field == 0 && data.substr(pos).starts_with("rounds="sv)) {
            pos += 7 + run_of(data, pos + 7, is_digit, 12) + 1;
            length = run_of(data, pos, is_crypt, 90);
        }
        if (length == 0 || pos + length >= data.size() || data[pos + length] != '$') {
            return std::nullopt;
        }
        pos += length + 1;
    }
    if (run_of(data, pos, is_crypt, hash + 1) != hash) {
        return std::nullopt;
    }
    return Span{at, pos + hash - at};
}

Found bcrypt_hash(std::string_view data, std::size_t at) {
    const bool cost =
        data.size() > at + 7 && is_digit(data[at + 4]) && is_digit(data[at + 5]) && data[at + 6] == '$';
    return cost && run_of(data, at + 7, is_crypt, 54) == 53 ? Found(Span{at, 60}) : std::nullopt;
}

/// grub-mkpasswd-pbkdf2(1): iterations, salt and hash with dots between.
Found grub_hash(std::string_view data, std::size_t at) {
    constexpr std::size_t shortest = 32;
    std::size_t pos = at + "grub.pbkdf2.sha512."sv.size();
    pos += run_of(data, pos, is_digit, 12);
    for (int field = 0; field < 2; ++field) {
        const std::size_t length = run_of(data, pos + 1, is_alnum, 256);
        if (pos >= data.size() || data[pos] != '.' || length < shortest) {
            return std::nullopt;
        }
        pos += 1 + length;
    }
    return Span{at, pos - at};
}

template <std::size_t Prefix, std::size_t Fields, std::size_t Hash>
Found crypt_of(std::string_view data, std::size_t at) {
    return crypt_hash(data, at, Prefix, Fields, Hash);
}

}  // namespace

std::vector<Pattern> hash_patterns() {
    // crypt(5): lengths of the hash parts.
    return {
        simple("secret:password-hash", "SHA-512 crypt hash", "$6$", crypt_of<3, 1, 86>),
        simple("secret:password-hash", "SHA-256 crypt hash", "$5$", crypt_of<3, 1, 43>),
        simple("secret:password-hash", "yescrypt hash", "$y$", crypt_of<3, 2, 43>),
        simple("secret:password-hash", "gost-yescrypt hash", "$gy$", crypt_of<4, 2, 43>),
        simple("secret:password-hash", "scrypt hash", "$7$", crypt_of<3, 1, 43>),
        simple("secret:password-hash", "MD5 crypt hash", "$1$", crypt_of<3, 1, 22>),
        simple("secret:password-hash", "bcrypt hash", "$2a$", bcrypt_hash),
        simple("secret:password-hash", "bcrypt hash", "$2b$", bcrypt_hash),
        simple("secret:password-hash", "bcrypt hash", "$2y$", bcrypt_hash),
        simple("secret:password-hash", "hash of GRUB's password", "grub.pbkdf2.sha512.", grub_hash),
    };
}

}  // namespace imgforge::sysprep::audit
