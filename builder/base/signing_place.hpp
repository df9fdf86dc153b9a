// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>

#include "builder/base/places.hpp"
#include "builder/base/settings.hpp"

namespace imgforge {

/// The private key that signs attestations and indexes: `signing.key` of the settings, else the store's own,
/// which its first use makes. Throws Failure::recipe for a key in the settings that is missing or cannot
/// sign.
std::filesystem::path signing_key_file(const Settings& settings, const Places& places);

/// The same, but nothing when the settings name none: an index is signed only when somebody says by whom,
/// since the store's own key is known to nobody else.
std::filesystem::path stated_signing_key(const Settings& settings, const Places& places);

}  // namespace imgforge
