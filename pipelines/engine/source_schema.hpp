// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/base/json.hpp"

namespace imgforge::engine {

/// Schema of a string that names a path or URL.
Json path_schema(const char* description);

/// Properties that say how a downloaded file is verified, for the recipe's `installer` block and for the
/// stage `fetch`: sha256, keyring, fingerprint and allow-redirects. What a signature covers differs, so that
/// `checksums` and `signature` are described where they are used.
Json verification_properties();

}  // namespace imgforge::engine
