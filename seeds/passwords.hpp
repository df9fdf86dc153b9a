// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace imgforge::seeds {

/// A crypt(5) hash with a fresh salt. "$y$" (yescrypt) unless `prefix` names another method: "$6$" for
/// installers, and for guests that are old, have musl, or are not known. The plain text is remembered for
/// redaction. Throws Failure::recipe for an empty password or one with a line break.
std::string hash_password(std::string_view plain, const std::string& prefix = "$y$");

/// Why `hash` is not a hash that a Linux login accepts, or nothing. "!" and "*" (locked) are fine.
std::optional<std::string> password_hash_fault(std::string_view hash);

}  // namespace imgforge::seeds
