// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <cstdint>
#include <string>
#include <vector>

namespace imgforge {

/// Bytes from getrandom(2); blocks only before the host's pool is initialised.
std::vector<std::uint8_t> random_bytes(std::size_t count);

/// `count` random bytes as 2*count lower-case hex digits.
std::string random_hex(std::size_t count);

/// A version 4 UUID in lower case (RFC 4122 section 4.4).
std::string random_uuid();

/// A MAC in QEMU's locally administered range 52:54:00 (three random bytes).
std::string random_mac();

}  // namespace imgforge
