// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <optional>
#include <string>
#include <string_view>

namespace imgforge::fetch {

/// A WWW-Authenticate challenge: scheme in lower case, parameters by lower-case name.
struct Challenge {
    std::string scheme;
    std::map<std::string, std::string> parameters;
};

/// `Bearer realm="https://…",service="…",scope="a,b"`.
Challenge parse_challenge(std::string_view header);

/// user:password for a registry, base64, from $REGISTRY_AUTH_FILE, else ~/.docker/config.json; nothing when
/// there is none.
std::optional<std::string> registry_credentials(const std::string& host);

}  // namespace imgforge::fetch
