// SPDX-License-Identifier: GPL-3.0-or-later
#include <algorithm>

#include "builder/base/json_schema.hpp"

namespace imgforge {

Json with_defaults(const Json& schema, Json value) {
    if (!schema.is_object()) {
        return value;
    }
    if (value.is_object()) {
        static const Json none = Json::object();
        const auto found = schema.find("properties");
        const Json& properties = found != schema.end() ? *found : none;
        for (const auto& property : properties.items()) {
            if (value.contains(property.key())) {
                value[property.key()] = with_defaults(property.value(), std::move(value[property.key()]));
            } else if (property.value().is_object() && property.value().contains("default")) {
                value[property.key()] = with_defaults(property.value(), property.value()["default"]);
            }
        }
    } else if (value.is_array() && schema.contains("items")) {
        for (Json& item : value) {
            item = with_defaults(schema["items"], std::move(item));
        }
    }
    return value;
}

const std::set<std::string>& known_schema_keywords() {
    static const std::set<std::string> keywords = {"$schema",
                                                   "$id",
                                                   "$ref",
                                                   "$comment",
                                                   "definitions",
                                                   "title",
                                                   "description",
                                                   "default",
                                                   "examples",
                                                   "format",
                                                   "type",
                                                   "enum",
                                                   "const",
                                                   "pattern",
                                                   "minLength",
                                                   "maxLength",
                                                   "minimum",
                                                   "maximum",
                                                   "exclusiveMinimum",
                                                   "exclusiveMaximum",
                                                   "items",
                                                   "minItems",
                                                   "maxItems",
                                                   "uniqueItems",
                                                   "properties",
                                                   "required",
                                                   "additionalProperties",
                                                   "patternProperties",
                                                   "propertyNames",
                                                   "minProperties",
                                                   "maxProperties",
                                                   "allOf",
                                                   "anyOf",
                                                   "oneOf",
                                                   "not",
                                                   "if",
                                                   "then",
                                                   "else",
                                                   "deprecated",
                                                   "x-affects-result",
                                                   "x-kind",
                                                   "x-message",
                                                   "x-secrets"};
    return keywords;
}

const Json* schema_at(const Json& schema, const std::string& pointer) {
    const Json* at = &schema;
    for (std::size_t start = 1; start <= pointer.size();) {
        const std::size_t slash = std::min(pointer.find('/', start), pointer.size());
        const std::string key = pointer.substr(start, slash - start);
        if (at->contains("properties") && (*at)["properties"].contains(key)) {
            at = &(*at)["properties"][key];
        } else if (at->contains("items") && key.find_first_not_of("0123456789") == std::string::npos) {
            at = &(*at)["items"];
        } else {
            return nullptr;
        }
        start = slash + 1;
    }
    return at;
}

}  // namespace imgforge
