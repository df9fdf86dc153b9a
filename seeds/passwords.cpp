// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/passwords.hpp"

#include <cstdlib>
#include <memory>

#include <crypt.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::seeds {

std::string hash_password(std::string_view plain, const std::string& prefix) {
    if (plain.empty() || plain.find_first_of(std::string_view("\n\r\0", 3)) != std::string_view::npos) {
        throw Error(Failure::recipe, "a password is empty or has a line break in it",
                    "give one line of text");
    }
    remember_secret(plain);
    const Handle<char, std::free> setting(crypt_gensalt_ra(prefix.c_str(), 0, nullptr, 0));
    if (!setting) {
        throw Error(Failure::tool, fmt::format("libcrypt knows no hashing method '{}'", prefix));
    }
    const auto scratch = std::make_unique<struct crypt_data>();
    const std::string text(plain);
    const char* const hash = crypt_r(text.c_str(), setting.get(), scratch.get());
    if (hash == nullptr || hash[0] == '*') {  // crypt(3): a failure token begins with an asterisk
        throw Error(Failure::tool, "libcrypt cannot hash this password");
    }
    remember_secret(hash);
    return hash;
}

std::optional<std::string> password_hash_fault(std::string_view hash) {
    if (hash.find_first_not_of("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789./$,=!*") !=
        std::string_view::npos) {
        return "it has characters that no crypt(5) hash has";
    }
    if (hash == "!" || hash == "*" || hash == "!!") {
        return std::nullopt;
    }
    const std::string text(hash);
    if (hash.substr(0, 1) != "$" || crypt_checksalt(text.c_str()) == CRYPT_SALT_INVALID) {
        return "it is not a crypt(5) hash such as $y$… or $6$…; a plain password is never taken here";
    }
    const std::size_t digest = hash.size() - hash.rfind('$') - 1;
    if (digest < 22) {  // the shortest digest, md5crypt's
        return "the hash is cut short";
    }
    return std::nullopt;
}

}  // namespace imgforge::seeds
