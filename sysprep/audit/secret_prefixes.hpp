// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstddef>
#include <span>

#include "sysprep/audit/secret_shapes.hpp"

namespace imgforge::sysprep::audit {

/// A published prefix, then `least` to `most` characters of one kind that look random.
struct TokenPrefix {
    const char* rule;
    const char* label;
    const char* prefix;
    std::size_t least;
    std::size_t most;
    bool (*accepts)(char);
};

/// From the vendors' documentation, and from what scanners of repositories publish.
std::span<const TokenPrefix> token_prefixes();

/// Lower case, as tokens write it.
inline bool is_hex(char c) {
    return is_digit(c) || (c >= 'a' && c <= 'f');
}
inline bool is_dotted(char c) {
    return is_base64url(c) || c == '.';
}

}  // namespace imgforge::sysprep::audit
