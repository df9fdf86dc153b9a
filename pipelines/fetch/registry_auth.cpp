// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/fetch/registry_auth.hpp"

#include <algorithm>
#include <cctype>
#include <cstdlib>
#include <filesystem>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json.hpp"

namespace fs = std::filesystem;

namespace imgforge::fetch {
namespace {

std::string lower_case(std::string_view text) {
    std::string lower(text);
    std::transform(lower.begin(), lower.end(), lower.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return lower;
}

fs::path credentials_file() {
    if (const char* const file = std::getenv("REGISTRY_AUTH_FILE")) {
        return file;
    }
    const char* const home = std::getenv("HOME");
    return fs::path(home != nullptr ? home : "/root") / ".docker/config.json";
}

/// One `name=value` or `name="value"` from the front of `text`.
bool take_parameter(std::string_view& text, Challenge& challenge) {
    text.remove_prefix(std::min(text.find_first_not_of(" \t,"), text.size()));
    const std::size_t equals = text.find('=');
    if (equals == std::string_view::npos) {
        return false;
    }
    const std::string name = lower_case(text.substr(0, equals));
    text.remove_prefix(equals + 1);
    const bool quoted = text.starts_with('"');
    text.remove_prefix(quoted ? 1 : 0);
    const std::size_t end = std::min(text.find(quoted ? '"' : ','), text.size());
    challenge.parameters[name] = text.substr(0, end);
    text.remove_prefix(std::min(end + 1, text.size()));
    return true;
}

}  // namespace

Challenge parse_challenge(std::string_view header) {
    const std::size_t space = std::min(header.find(' '), header.size());
    Challenge challenge{.scheme = lower_case(header.substr(0, space)), .parameters = {}};
    header.remove_prefix(space);
    while (take_parameter(header, challenge)) {
    }
    return challenge;
}

std::optional<std::string> registry_credentials(const std::string& host) {
    const fs::path file = credentials_file();
    std::error_code code;
    if (!fs::exists(file, code)) {
        return std::nullopt;
    }
    const Json root = parse_json(read_file(file, 1U << 20U), file.string());
    const Json auths = root.is_object() ? root.value("auths", Json::object()) : Json::object();
    if (!auths.is_object() || !auths.contains(host) || !auths[host].is_object()) {
        return std::nullopt;
    }
    const Json auth = auths[host].value("auth", Json());
    return auth.is_string() ? std::optional(auth.get<std::string>()) : std::nullopt;
}

}  // namespace imgforge::fetch
