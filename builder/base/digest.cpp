// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/digest.hpp"

#include <fcntl.h>
#include <unistd.h>

#include <array>
#include <cerrno>
#include <vector>

#include <fmt/format.h>

#include "builder/base/crypto_library.hpp"
#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"

namespace imgforge {

struct Hasher::State {
    Handle<EVP_MD_CTX, &EVP_MD_CTX_free> context{EVP_MD_CTX_new()};
};

Hasher::Hasher(Algorithm algorithm) : state_(std::make_unique<State>()) {
    const EVP_MD* const kind = algorithm == Algorithm::sha256 ? EVP_sha256() : EVP_sha512();
    if (!state_->context || EVP_DigestInit_ex(state_->context.get(), kind, nullptr) != 1) {
        throw Error(Failure::tool, "OpenSSL could not start a SHA-2 digest");
    }
}

Hasher::~Hasher() = default;
Hasher::Hasher(Hasher&&) noexcept = default;
Hasher& Hasher::operator=(Hasher&&) noexcept = default;

Hasher& Hasher::add(std::string_view bytes) {
    if (EVP_DigestUpdate(state_->context.get(), bytes.data(), bytes.size()) != 1) {
        throw Error(Failure::tool, "OpenSSL could not continue a SHA-2 digest");
    }
    return *this;
}

std::string Hasher::hex() {
    std::array<unsigned char, EVP_MAX_MD_SIZE> digest{};
    unsigned length = 0;
    if (EVP_DigestFinal_ex(state_->context.get(), digest.data(), &length) != 1) {
        throw Error(Failure::tool, "OpenSSL could not finish a SHA-2 digest");
    }
    std::string text;
    text.reserve(std::size_t{2} * length);
    for (unsigned i = 0; i < length; ++i) {
        text += fmt::format("{:02x}", digest.at(i));
    }
    return text;
}

std::string sha256_hex(std::string_view bytes) {
    return Hasher().add(bytes).hex();
}

std::string sha256_file(const std::filesystem::path& path,
                        const std::function<void(std::uint64_t)>& progress) {
    const Fd fd = open_fd(path, O_RDONLY);
    Hasher hasher;
    std::vector<char> chunk(1U << 20U);
    std::uint64_t total = 0;
    for (;;) {
        const ssize_t got = ::read(fd.get(), chunk.data(), chunk.size());
        if (got < 0 && errno == EINTR) {
            continue;
        }
        if (got < 0) {
            throw system_error("read", path.string(), errno);
        }
        if (got == 0) {
            return hasher.hex();
        }
        hasher.add({chunk.data(), static_cast<std::size_t>(got)});
        total += static_cast<std::uint64_t>(got);
        if (progress) {
            progress(total);
        }
    }
}

}  // namespace imgforge
