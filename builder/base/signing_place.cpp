// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/signing_place.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/signing_key.hpp"

namespace imgforge {

std::filesystem::path signing_key_file(const Settings& settings, const Places& places) {
    const std::filesystem::path& file = settings.signing_key;
    if (file.empty()) {
        return places.home / "signing" / "key.pem";
    }
    std::error_code code;
    if (!std::filesystem::exists(file, code)) {
        throw Error(Failure::recipe,
                    fmt::format("the key {} of the setting signing.key does not exist", file.string()),
                    fmt::format("imgforge keygen {}", file.string()));
    }
    if (!SigningKey::load(file).can_sign()) {
        throw Error(Failure::recipe,
                    fmt::format("the key {} of the setting signing.key is a public one", file.string()),
                    "name the private key that `imgforge keygen` wrote");
    }
    return file;
}

std::filesystem::path stated_signing_key(const Settings& settings, const Places& places) {
    return settings.signing_key.empty() ? std::filesystem::path() : signing_key_file(settings, places);
}

}  // namespace imgforge
