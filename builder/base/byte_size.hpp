// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <compare>
#include <cstdint>
#include <string>
#include <string_view>

namespace imgforge {

/// A number of bytes. Never pass sizes as bare integers.
class ByteSize {
public:
    constexpr ByteSize() = default;
    static constexpr ByteSize bytes(std::uint64_t n) { return ByteSize(n); }
    static constexpr ByteSize kib(std::uint64_t n) { return ByteSize(n << 10U); }
    static constexpr ByteSize mib(std::uint64_t n) { return ByteSize(n << 20U); }
    static constexpr ByteSize gib(std::uint64_t n) { return ByteSize(n << 30U); }

    /// Reads "1536M", "10G", "1.5 GiB", "4096" (bytes): suffixes K M G T P, each with optional "iB" or "B",
    /// all powers of 1024 as in qemu-img(1). Throws Failure::usage with the text for anything else, for
    /// negatives and on overflow.
    static ByteSize parse(std::string_view text);

    constexpr std::uint64_t in_bytes() const { return bytes_; }
    constexpr std::uint64_t in_kib() const { return bytes_ >> 10U; }
    constexpr std::uint64_t in_mib() const { return bytes_ >> 20U; }

    /// For people: "1.5 GiB", "512 MiB", "17 B".
    std::string text() const;

    constexpr auto operator<=>(const ByteSize&) const =
        default;  // NOLINT(modernize-use-nullptr): clang-tidy 14 sees a 0 in it

private:
    constexpr explicit ByteSize(std::uint64_t n) : bytes_(n) {}
    std::uint64_t bytes_ = 0;
};

}  // namespace imgforge
