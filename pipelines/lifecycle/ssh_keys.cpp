// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ssh_keys.hpp"

#include <algorithm>
#include <array>
#include <cstdlib>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/crypto_library.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/lock.hpp"
#include "builder/base/random.hpp"

namespace imgforge::lifecycle {
namespace {

using KeyHandle = Handle<EVP_PKEY, &EVP_PKEY_free>;
constexpr std::size_t ed25519_length = 32;
constexpr std::string_view key_type = "ssh-ed25519";

void put_number(std::string& out, std::uint32_t number) {
    for (int shift = 24; shift >= 0; shift -= 8) {
        out += static_cast<char>((number >> static_cast<unsigned>(shift)) & 0xffU);
    }
}

/// An SSH string (RFC 4251 section 5): length, then bytes.
void put_string(std::string& out, std::string_view bytes) {
    put_number(out, static_cast<std::uint32_t>(bytes.size()));
    out += bytes;
}

std::string base64(std::string_view bytes) {
    std::string out((bytes.size() + 2) / 3 * 4 + 1, '\0');
    // EVP_EncodeBlock works on unsigned char; both are bytes.
    const int length = EVP_EncodeBlock(reinterpret_cast<unsigned char*>(out.data()),  // NOLINT
                                       reinterpret_cast<const unsigned char*>(bytes.data()),
                                       static_cast<int>(bytes.size()));  // NOLINT
    out.resize(static_cast<std::size_t>(length));
    return out;
}

std::string raw_part(int (*get)(const EVP_PKEY*, unsigned char*, size_t*), const EVP_PKEY* key) {
    std::array<unsigned char, ed25519_length> buffer{};
    std::size_t length = buffer.size();
    if (get(key, buffer.data(), &length) != 1 || length != ed25519_length) {
        throw Error(Failure::tool, "OpenSSL cannot give the bytes of an Ed25519 key");
    }
    std::string bytes(buffer.begin(), buffer.end());
    OPENSSL_cleanse(buffer.data(), buffer.size());
    return bytes;
}

KeyHandle generate() {
    const Handle<EVP_PKEY_CTX, &EVP_PKEY_CTX_free> context(EVP_PKEY_CTX_new_id(EVP_PKEY_ED25519, nullptr));
    EVP_PKEY* key = nullptr;
    if (!context || EVP_PKEY_keygen_init(context.get()) != 1 || EVP_PKEY_keygen(context.get(), &key) != 1) {
        throw Error(Failure::tool, "OpenSSL cannot make an Ed25519 key");
    }
    return KeyHandle(key);
}

/// The private file of OpenSSH, unencrypted (PROTOCOL.key in its source).
std::string openssh_private(std::string_view seed, std::string_view point, std::string_view public_blob,
                            std::string_view comment) {
    std::string secret;
    const auto check = random_bytes(4);
    const std::string check_text(check.begin(), check.end());
    secret += check_text + check_text;
    put_string(secret, key_type);
    put_string(secret, point);
    put_string(secret, std::string(seed) + std::string(point));
    put_string(secret, comment);
    for (char pad = 1; secret.size() % 8 != 0; ++pad) {
        secret += pad;
    }
    std::string file("openssh-key-v1\0", 15);
    put_string(file, "none");
    put_string(file, "none");
    put_string(file, "");
    put_number(file, 1);
    put_string(file, public_blob);
    put_string(file, secret);
    const std::string text = base64(file);
    std::string out = "-----BEGIN OPENSSH PRIVATE KEY-----\n";
    constexpr std::size_t line = 70;
    for (std::size_t at = 0; at < text.size(); at += line) {
        out += text.substr(at, line) + "\n";
    }
    return out + "-----END OPENSSH PRIVATE KEY-----\n";
}

bool is_public_key(std::string_view line) {
    static constexpr std::array<std::string_view, 7> types = {"ssh-ed25519 ",
                                                              "ssh-rsa ",
                                                              "ecdsa-sha2-nistp256 ",
                                                              "ecdsa-sha2-nistp384 ",
                                                              "ecdsa-sha2-nistp521 ",
                                                              "sk-ssh-ed25519@openssh.com ",
                                                              "sk-ecdsa-sha2-nistp256@openssh.com "};
    return std::any_of(types.begin(), types.end(), [&](std::string_view type) {
        if (line.substr(0, type.size()) != type) {
            return false;
        }
        const std::string_view blob = line.substr(type.size(), line.find(' ', type.size()) - type.size());
        return blob.size() >= 40 &&
               blob.substr(0, 4) == "AAAA";  // the length word of any type name, in base64
    });
}

}  // namespace

SshKeyPair make_ssh_key(std::string_view comment) {
    const KeyHandle key = generate();
    std::string seed = raw_part(EVP_PKEY_get_raw_private_key, key.get());
    const std::string point = raw_part(EVP_PKEY_get_raw_public_key, key.get());
    std::string blob;
    put_string(blob, key_type);
    put_string(blob, point);
    SshKeyPair pair{openssh_private(seed, point, blob, comment),
                    fmt::format("{} {} {}", key_type, base64(blob), comment)};
    OPENSSL_cleanse(seed.data(), seed.size());
    return pair;
}

StoreKey store_ssh_key(const std::filesystem::path& keys) {
    make_directories(keys, 0700);
    const auto file = keys / "id_ed25519";
    const auto public_file = keys / "id_ed25519.pub";
    if (!std::filesystem::exists(public_file)) {
        const auto lock =
            FileLock::acquire(keys / ".lock", "make the store's SSH key", std::chrono::seconds(10));
        if (!std::filesystem::exists(public_file)) {
            const SshKeyPair pair = make_ssh_key("imgforge");
            // The public file last: it says that the pair is complete.
            write_file_atomically(file, pair.private_key, 0600);
            write_file_atomically(public_file, pair.public_key + "\n", 0644);
        }
    }
    std::string text = read_file(public_file, 64U << 10U);
    while (!text.empty() && (text.back() == '\n' || text.back() == ' ')) {
        text.pop_back();
    }
    return {file, text};
}

std::vector<std::string> read_public_keys(const std::filesystem::path& file) {
    const std::string text = read_file(file, 1U << 20U);
    if (text.find("PRIVATE KEY-----") != std::string::npos) {
        throw Error(Failure::recipe,
                    fmt::format("{} holds a private key, which never goes into a machine", file.string()),
                    fmt::format("give the public one: {}.pub", file.string()));
    }
    std::vector<std::string> keys;
    std::istringstream lines(text);
    std::string line;
    for (int number = 1; std::getline(lines, line); ++number) {
        while (!line.empty() && (line.back() == '\r' || line.back() == ' ' || line.back() == '\t')) {
            line.pop_back();
        }
        if (line.empty() || line.front() == '#') {
            continue;
        }
        if (!is_public_key(line)) {
            throw Error(
                Failure::recipe, fmt::format("{}:{}: this is not an SSH public key", file.string(), number),
                "one key per line, as in ~/.ssh/id_ed25519.pub; options in front of a key are not taken");
        }
        keys.push_back(line);
    }
    if (keys.empty()) {
        throw Error(Failure::recipe, fmt::format("{} holds no SSH public key", file.string()));
    }
    return keys;
}

std::vector<std::string> callers_public_keys() {
    std::vector<std::string> keys;
    const char* home = std::getenv("HOME");  // NOLINT(concurrency-mt-unsafe): nothing here calls setenv
    if (home == nullptr || *home == '\0') {
        return keys;
    }
    for (const char* name :
         {"id_ed25519.pub", "id_ed25519_sk.pub", "id_ecdsa.pub", "id_ecdsa_sk.pub", "id_rsa.pub"}) {
        const auto file = std::filesystem::path(home) / ".ssh" / name;
        std::error_code ignored;
        if (std::filesystem::is_regular_file(file, ignored)) {
            const auto found = read_public_keys(file);
            keys.insert(keys.end(), found.begin(), found.end());
        }
    }
    return keys;
}

}  // namespace imgforge::lifecycle
