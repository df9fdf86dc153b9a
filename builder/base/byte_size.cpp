// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/byte_size.hpp"

#include <array>
#include <charconv>
#include <cmath>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge {
namespace {

Error bad_size(std::string_view text) {
    return {Failure::usage, fmt::format("'{}' is not a size", text),
            "write a number followed by K, M, G or T, such as 1536M or 10G"};
}

/// The power of 1024 that a suffix stands for; -1 if it is none.
int suffix_power(std::string_view suffix) {
    if (suffix.empty() || suffix == "B" || suffix == "b") {
        return 0;
    }
    constexpr std::string_view letters = "KMGTP";
    const char letter = static_cast<char>(suffix[0] & ~0x20);
    const std::size_t power = letters.find(letter);
    const std::string_view rest = suffix.substr(1);
    if (power == std::string_view::npos ||
        !(rest.empty() || rest == "B" || rest == "iB" || rest == "b" || rest == "ib")) {
        return -1;
    }
    return static_cast<int>(power) + 1;
}

}  // namespace

ByteSize ByteSize::parse(std::string_view text) {
    double value = 0;
    const char* const begin = text.data();
    const char* const end = begin + text.size();
    const auto [rest, fault] = std::from_chars(begin, end, value, std::chars_format::fixed);
    if (fault != std::errc() || value < 0 || !std::isfinite(value)) {
        throw bad_size(text);
    }
    std::string_view suffix(rest, static_cast<std::size_t>(end - rest));
    if (suffix.starts_with(' ')) {
        suffix.remove_prefix(1);
    }
    const int power = suffix_power(suffix);
    if (power < 0) {
        throw bad_size(text);
    }
    const double total = std::ldexp(value, 10 * power);
    // 2^63 keeps every later sum and off_t conversion safe.
    if (total >= 9223372036854775808.0) {
        throw bad_size(text);
    }
    return ByteSize(static_cast<std::uint64_t>(std::llround(total)));
}

std::string ByteSize::text() const {
    constexpr std::array<const char*, 6> units = {"B", "KiB", "MiB", "GiB", "TiB", "PiB"};
    double value = static_cast<double>(bytes_);
    std::size_t unit = 0;
    while (value >= 1024.0 && unit + 1 < units.size()) {
        value /= 1024.0;
        ++unit;
    }
    const bool whole = value == std::floor(value) || value >= 100.0;
    return whole ? fmt::format("{:.0f} {}", value, units[unit])
                 : fmt::format("{:.1f} {}", value, units[unit]);
}

}  // namespace imgforge
