// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/json.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"

namespace imgforge {

std::string canonical(const Json& value) {
    // nlohmann::json (not ordered_json) keeps objects in a std::map, so its dump has sorted keys.
    return nlohmann::json(value).dump(-1, ' ', false, nlohmann::json::error_handler_t::replace);
}

std::string pretty(const Json& value) {
    return value.dump(2, ' ', false, Json::error_handler_t::replace) + "\n";
}

Json parse_json(std::string_view text, std::string_view source) {
    try {
        return Json::parse(text);
    } catch (const Json::parse_error& fault) {
        throw Error(Failure::integrity, fmt::format("{} is not valid JSON: {}", source, fault.what()));
    }
}

}  // namespace imgforge
