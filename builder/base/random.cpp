// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/random.hpp"

#include <sys/random.h>

#include <cerrno>

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge {

std::vector<std::uint8_t> random_bytes(std::size_t count) {
    std::vector<std::uint8_t> bytes(count);
    std::size_t filled = 0;
    while (filled < count) {
        const ssize_t got = ::getrandom(bytes.data() + filled, count - filled, 0);
        if (got < 0) {
            if (errno == EINTR) {
                continue;
            }
            throw system_error("read random bytes from", "the kernel", errno);
        }
        filled += static_cast<std::size_t>(got);
    }
    return bytes;
}

std::string random_hex(std::size_t count) {
    std::string text;
    for (const std::uint8_t byte : random_bytes(count)) {
        text += fmt::format("{:02x}", byte);
    }
    return text;
}

std::string random_uuid() {
    std::vector<std::uint8_t> b = random_bytes(16);
    b[6] = static_cast<std::uint8_t>((b[6] & 0x0fU) | 0x40U);
    b[8] = static_cast<std::uint8_t>((b[8] & 0x3fU) | 0x80U);
    std::string text;
    for (std::size_t i = 0; i < b.size(); ++i) {
        if (i == 4 || i == 6 || i == 8 || i == 10) {
            text += '-';
        }
        text += fmt::format("{:02x}", b[i]);
    }
    return text;
}

std::string random_mac() {
    const std::vector<std::uint8_t> b = random_bytes(3);
    return fmt::format("52:54:00:{:02x}:{:02x}:{:02x}", b[0], b[1], b[2]);
}

}  // namespace imgforge
