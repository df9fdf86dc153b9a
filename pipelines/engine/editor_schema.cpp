// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/editor_schema.hpp"

#include <string>

namespace imgforge::engine {
namespace {

constexpr const char* reference_pattern = "\\$\\{[^}]+\\}";

void add_type(Json& schema, const char* type) {
    Json& types = schema["type"];
    if (!types.is_array()) {
        types = Json::array({types});
    }
    for (const Json& one : types) {
        if (one == type) {
            return;
        }
    }
    types.push_back(type);
}

bool has_type(const Json& schema, const char* type) {
    const Json types = schema.value("type", Json());
    if (!types.is_array()) {
        return types == type;
    }
    for (const Json& one : types) {
        if (one == type) {
            return true;
        }
    }
    return false;
}

void soften(Json& schema);

void soften_children(Json& schema) {
    for (const char* const key : {"properties", "patternProperties"}) {
        if (schema.contains(key)) {
            for (auto& property : schema[key].items()) {
                soften(property.value());
            }
        }
    }
    for (const char* const key : {"items", "additionalProperties"}) {
        if (schema.contains(key) && schema[key].is_object()) {
            soften(schema[key]);
        }
    }
    if (schema.contains("properties")) {
        schema["patternProperties"]["^.+\\+$"] = {
            {"type", "array"}, {"description", "Appends to the list of the recipe this one extends"}};
    }
}

/// Every value may be a variable, every map may be left empty.
void soften(Json& schema) {
    if (!schema.is_object()) {
        return;
    }
    soften_children(schema);
    if (schema.contains("enum")) {
        const Json words = schema["enum"];
        schema.erase("enum");
        schema["anyOf"] =
            Json::array({Json{{"enum", words}}, Json{{"type", "string"}, {"pattern", reference_pattern}}});
        if (schema.contains("type")) {
            add_type(schema, "string");
        }
        return;
    }
    if (!schema.contains("type")) {
        return;
    }
    if (has_type(schema, "object")) {
        add_type(schema, "null");
    }
    if (has_type(schema, "string")) {
        if (schema.contains("pattern")) {
            schema["pattern"] = schema["pattern"].get<std::string>() + "|" + reference_pattern;
        }
        schema.erase("maxLength");
        return;
    }
    add_type(schema, "string");
    // A pattern is asked of texts only, so the other types are judged as before.
    schema["pattern"] = reference_pattern;
}

}  // namespace

Json editor_schema(const Json& recipe_schema) {
    Json schema = recipe_schema;
    soften_children(schema);
    // What these hold is theirs: variables are of any kind, sources of secrets are not variable.
    for (const char* const key : {"vars", "matrix", "secrets", "extends"}) {
        schema["properties"][key] = recipe_schema["properties"][key];
    }
    Json& stage = schema["properties"]["stages"]["items"];
    stage.erase("patternProperties");
    stage["type"] = "object";
    stage.erase("pattern");
    schema["$id"] = "https://imgforge.invalid/recipe.schema.json";
    const Json required = schema["required"];
    schema.erase("required");
    // A recipe that extends another one has the rest from there.
    schema["anyOf"] =
        Json::array({Json{{"required", required}}, Json{{"required", Json::array({"extends"})}}});
    return schema;
}

}  // namespace imgforge::engine
