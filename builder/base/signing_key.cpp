// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/signing_key.hpp"

#include <sys/stat.h>

#include <vector>

#include <fmt/format.h>

#include "builder/base/crypto_library.hpp"
#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/sharing.hpp"

namespace fs = std::filesystem;

namespace imgforge {

struct SigningKey::State {
    Handle<EVP_PKEY, &EVP_PKEY_free> key;
    bool is_private = false;
};

namespace {

using Bio = Handle<BIO, &BIO_free>;
constexpr std::size_t signature_size = 64;

[[noreturn]] void failed(std::string_view what) {
    throw Error(Failure::tool, fmt::format("OpenSSL could not {}", what));
}

std::string contents(BIO* bio) {
    char* data = nullptr;
    const long size = BIO_get_mem_data(bio, &data);
    return {data, static_cast<std::size_t>(size)};
}

/// Never asks on a terminal for the passphrase of an encrypted key.
int no_passphrase(char*, int, int, void*) {
    return 0;
}

void require_private_mode(const fs::path& file) {
    struct stat status {};
    if (::stat(file.c_str(), &status) == 0 && (status.st_mode & 0007U) != 0) {
        throw Error(Failure::recipe,
                    fmt::format("the private key {} can be read by everybody", file.string()),
                    fmt::format("chmod 600 {}", file.string()));
    }
}

}  // namespace

SigningKey::SigningKey(std::unique_ptr<State> state) : state_(std::move(state)) {}
SigningKey::~SigningKey() = default;
SigningKey::SigningKey(SigningKey&&) noexcept = default;
SigningKey& SigningKey::operator=(SigningKey&&) noexcept = default;

SigningKey SigningKey::generate() {
    auto state = std::make_unique<State>();
    state->key.reset(EVP_PKEY_Q_keygen(nullptr, nullptr, "ED25519"));
    state->is_private = true;
    if (!state->key) {
        failed("make an Ed25519 key");
    }
    return SigningKey(std::move(state));
}

SigningKey SigningKey::load(const fs::path& file) {
    const std::string text = read_file(file, 1U << 16U);
    auto state = std::make_unique<State>();
    const Bio bio(BIO_new_mem_buf(text.data(), static_cast<int>(text.size())));
    state->is_private = text.find("PRIVATE KEY-----") != std::string::npos;
    if (state->is_private) {
        require_private_mode(file);
        state->key.reset(PEM_read_bio_PrivateKey(bio.get(), nullptr, no_passphrase, nullptr));
    } else {
        state->key.reset(PEM_read_bio_PUBKEY(bio.get(), nullptr, no_passphrase, nullptr));
    }
    if (!state->key || EVP_PKEY_get_base_id(state->key.get()) != EVP_PKEY_ED25519) {
        throw Error(Failure::recipe, fmt::format("{} is not an Ed25519 key in PEM form", file.string()),
                    "`imgforge keygen FILE` makes one; a passphrase is not supported");
    }
    return SigningKey(std::move(state));
}

SigningKey SigningKey::load_or_create(const fs::path& file) {
    std::error_code code;
    if (fs::exists(file, code)) {
        return load(file);
    }
    SigningKey key = generate();
    const fs::path folder = file.parent_path();
    make_directories(folder, is_group_folder(folder) ? 0770 : 0700);
    write_file_atomically(file, key.private_pem(), shared_file_mode(folder, 0600));
    write_file_atomically(file.string() + ".pub", key.public_pem(), 0644);
    return key;
}

bool SigningKey::can_sign() const {
    return state_->is_private;
}

std::string SigningKey::private_pem() const {
    const Bio bio(BIO_new(BIO_s_mem()));
    if (!state_->is_private ||
        PEM_write_bio_PrivateKey(bio.get(), state_->key.get(), nullptr, nullptr, 0, nullptr, nullptr) != 1) {
        failed("write the private key");
    }
    return contents(bio.get());
}

std::string SigningKey::public_pem() const {
    const Bio bio(BIO_new(BIO_s_mem()));
    if (PEM_write_bio_PUBKEY(bio.get(), state_->key.get()) != 1) {
        failed("write the public key");
    }
    return contents(bio.get());
}

std::string SigningKey::id() const {
    const Bio bio(BIO_new(BIO_s_mem()));
    if (i2d_PUBKEY_bio(bio.get(), state_->key.get()) != 1) {
        failed("encode the public key");
    }
    return sha256_hex(contents(bio.get()));
}

std::string SigningKey::sign(std::string_view message) const {
    const Handle<EVP_MD_CTX, &EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    std::string signature(signature_size, '\0');
    std::size_t size = signature.size();
    const auto* data = reinterpret_cast<const unsigned char*>(message.data());
    if (!state_->is_private ||
        EVP_DigestSignInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) != 1 ||
        EVP_DigestSign(context.get(), reinterpret_cast<unsigned char*>(signature.data()), &size, data,
                       message.size()) != 1) {
        failed("sign");
    }
    signature.resize(size);
    return signature;
}

bool SigningKey::verify(std::string_view message, std::string_view signature) const {
    const Handle<EVP_MD_CTX, &EVP_MD_CTX_free> context(EVP_MD_CTX_new());
    return signature.size() == signature_size &&
           EVP_DigestVerifyInit(context.get(), nullptr, nullptr, nullptr, state_->key.get()) == 1 &&
           EVP_DigestVerify(context.get(), reinterpret_cast<const unsigned char*>(signature.data()),
                            signature.size(), reinterpret_cast<const unsigned char*>(message.data()),
                            message.size()) == 1;
}

}  // namespace imgforge
