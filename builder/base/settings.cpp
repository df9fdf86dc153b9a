// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/settings.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/strict_yaml.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge {
namespace {

const std::vector<std::string>& known_keys() {
    static const std::vector<std::string> keys = {"connection", "network",      "sizes", "defaults", "hosts",
                                                  "jobs",       "budget",       "cache", "ssh_keys", "notify",
                                                  "metrics",    "acceleration", "mirror"};
    return keys;
}

void merge(Json& into, const Json& from) {
    for (const auto& item : from.items()) {
        Json& slot = into[item.key()];
        if (slot.is_object() && item.value().is_object()) {
            merge(slot, item.value());
        } else {
            slot = item.value();
        }
    }
}

}  // namespace

Json load_settings(const std::vector<std::filesystem::path>& files) {
    Json settings = Json::object();
    Diagnostics diagnostics;
    for (const std::filesystem::path& file : files) {
        std::error_code code;
        if (!std::filesystem::exists(file, code)) {
            continue;
        }
        const YamlDocument document = load_yaml(file.string());
        if (document.root.is_null()) {
            continue;
        }
        if (!document.root.is_object()) {
            diagnostics.add(document.at("", "settings must be a map of names to values"));
            continue;
        }
        for (const auto& item : document.root.items()) {
            const std::vector<std::string>& known = known_keys();
            if (std::find(known.begin(), known.end(), item.key()) == known.end()) {
                diagnostics.add(document.at("/" + pointer_token(item.key()),
                                            fmt::format("unknown setting '{}'", item.key()),
                                            nearest(item.key(), known).value_or(""), true));
            }
        }
        merge(settings, document.root);
    }
    diagnostics.throw_if_errors();
    return settings;
}

}  // namespace imgforge
