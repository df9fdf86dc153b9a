// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <filesystem>
#include <functional>
#include <memory>
#include <string>
#include <string_view>

namespace imgforge {

/// Streaming SHA-2 (OpenSSL EVP).
class Hasher {
public:
    enum class Algorithm { sha256, sha512 };
    explicit Hasher(Algorithm algorithm = Algorithm::sha256);
    ~Hasher();
    Hasher(Hasher&&) noexcept;
    Hasher& operator=(Hasher&&) noexcept;

    Hasher& add(std::string_view bytes);
    /// Lower-case hex; the object is spent afterwards.
    std::string hex();

private:
    struct State;
    std::unique_ptr<State> state_;
};

/// SHA-256 of a string, 64 lower-case hex digits.
std::string sha256_hex(std::string_view bytes);

/// SHA-256 of a file. `progress`, if given, gets the bytes read so far; it may throw Interrupted to stop.
std::string sha256_file(const std::filesystem::path& path,
                        const std::function<void(std::uint64_t)>& progress = {});

}  // namespace imgforge
