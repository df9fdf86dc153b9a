// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <utility>
#include <vector>

#include "builder/base/json.hpp"

namespace imgforge::engine {

/// What is wrong with the keys `checksums`, `signature`, `keyring`, `fingerprint` of a block that names a
/// file to fetch, as {key, message}. No combination is silently ignored: a signature or a key that nothing
/// would check is an error.
std::vector<std::pair<std::string, std::string>> trust_faults(const Json& block);

}  // namespace imgforge::engine
