// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/passwords.hpp"

#include <crypt.h>
#include <fmt/format.h>

#include <algorithm>
#include <map>
#include <memory>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/random.hpp"
#include "builder/base/redact.hpp"

namespace imgforge::sysprep {

namespace {

/// crypt(5). The default is SHA-512: older guests do not know yescrypt.
const std::map<std::string_view, const char*>& prefixes() {
    static const std::map<std::string_view, const char*> all{
        {"md5", "$1$"}, {"sha256", "$5$"}, {"sha512", "$6$"}, {"yescrypt", "$y$"}};
    return all;
}

std::string hash_of(const std::string& plain, std::string_view crypto) {
    if (plain.empty() || plain.find_first_of("\r\n") != std::string::npos) {
        throw Error(Failure::recipe, "a password is empty or has a line break in it",
                    "give one line of text");
    }
    const Handle<char, std::free> setting(crypt_gensalt_ra(prefixes().at(crypto), 0, nullptr, 0));
    const auto scratch = std::make_unique<struct crypt_data>();
    const char* const hash = setting ? crypt_r(plain.c_str(), setting.get(), scratch.get()) : nullptr;
    if (hash == nullptr || hash[0] == '*') {  // crypt(3): a failure token begins with an asterisk
        throw Error(Failure::tool, "libcrypt cannot hash this password");
    }
    remember_secret(hash);
    return hash;
}

}  // namespace

void check_crypto(std::string_view crypto) {
    if (!prefixes().contains(crypto)) {
        throw Error(Failure::recipe, fmt::format("invalid password hash '{}'", crypto),
                    "one of md5, sha256, sha512, yescrypt");
    }
}

PasswordChange parse_password(std::string_view text, const std::filesystem::path& folder,
                              std::string_view crypto) {
    check_crypto(crypto);
    PasswordChange change;
    if (text == "locked") {
        change.keep_hash = true;
        change.locked = true;
        return change;
    }
    if (text.starts_with("locked:")) {
        change = parse_password(text.substr(7), folder, crypto);
        change.locked = true;
        return change;
    }
    const std::string_view value = text.substr(std::min(text.size(), text.find(':') + 1));
    if (text.starts_with("password:")) {
        remember_secret(value);
        change.hash = hash_of(std::string(value), crypto);
    } else if (text.starts_with("file:")) {
        constexpr std::uintmax_t limit = 64U << 10U;
        const std::string content = read_file(folder / std::filesystem::path(value), limit);
        const std::string line = content.substr(0, content.find_first_of("\r\n"));
        remember_secret(line);
        change.hash = hash_of(line, crypto);
    } else if (text.starts_with("hash:") && !value.empty() && value.find(':') == std::string_view::npos) {
        change.hash = value;
        remember_secret(value);
    } else if (text == "random") {
        change.generated = random_hex(10);
        change.hash = hash_of(change.generated, crypto);
    } else if (text == "disabled") {
        change.hash = "*";
    } else {
        throw Error(
            Failure::recipe,
            fmt::format("'{}' does not say how to change the password", text.substr(0, text.find(':'))),
            "use password:TEXT, file:PATH, hash:CRYPT, random, disabled, locked or locked:…");
    }
    return change;
}

std::string shadow_field(const PasswordChange& change, std::string_view before) {
    const std::string hash = change.keep_hash ? std::string(before) : change.hash;
    return change.locked && !hash.starts_with('!') ? "!" + hash : hash;
}

}  // namespace imgforge::sysprep
