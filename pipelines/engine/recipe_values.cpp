// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/recipe_values.hpp"

#include <fmt/format.h>

#include "pipelines/compose/references.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

/// The schema of a child, or an empty one.
const Json& child_schema(const Json& schema, const std::string& key, bool item) {
    static const Json none = Json::object();
    if (!schema.is_object()) {
        return none;
    }
    if (item) {
        return schema.contains("items") ? schema["items"] : none;
    }
    if (schema.contains("properties") && schema["properties"].contains(key)) {
        return schema["properties"][key];
    }
    const bool open = schema.contains("additionalProperties") && schema["additionalProperties"].is_object();
    return open ? schema["additionalProperties"] : none;
}

bool is_path(const Json& schema) {
    return schema.is_object() && schema.value("format", "") == "path";
}

bool is_relative_file(const std::string& name) {
    return !name.empty() && name.find("://") == std::string::npos && fs::path(name).is_relative();
}

class FileNames {
public:
    FileNames(YamlDocument& document, fs::path folder) : document_(document), folder_(std::move(folder)) {}

    void visit(Json& value, const Json& schema, const std::string& pointer) {
        if (value.is_string() && is_path(schema)) {
            if (const fs::path base = foreign(document_.position(pointer)); !base.empty()) {
                value = full(base, value.get<std::string>());
            }
        } else if (value.is_array()) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                visit(value[i], child_schema(schema, "", true), fmt::format("{}/{}", pointer, i));
            }
        } else if (value.is_object()) {
            if (is_path(schema)) {
                keys(value, pointer);
            }
            for (const auto& item : value.items()) {
                visit(item.value(), child_schema(schema, item.key(), false),
                      pointer + "/" + pointer_token(item.key()));
            }
        }
    }

private:
    /// Directory of the recipe the value comes from when it is not the recipe itself; empty: it is.
    fs::path foreign(const SourcePosition& place) const {
        if (place.file.empty() || place.line == 0) {  // --set has made it absolute already
            return {};
        }
        const fs::path base = fs::absolute(place.file).lexically_normal().parent_path();
        return base == folder_.lexically_normal() ? fs::path() : base;
    }

    static std::string full(const fs::path& base, const std::string& name) {
        return is_relative_file(name) ? (base / name).lexically_normal().string() : name;
    }

    /// `upload: {motd: /etc/motd}`: the keys are the host's files.
    void keys(Json& map, const std::string& pointer) {
        Json renamed = Json::object();
        for (const auto& item : map.items()) {
            const std::string old = pointer + "/" + pointer_token(item.key());
            const fs::path base = foreign(document_.key_position(old));
            const std::string name = base.empty() ? item.key() : full(base, item.key());
            renamed[name] = item.value();
            if (name != item.key()) {
                document_.adopt(pointer + "/" + pointer_token(name), document_, old);
            }
        }
        map = std::move(renamed);
    }

    YamlDocument& document_;
    fs::path folder_;
};

void visit_secrets(const YamlDocument& document, const Json& value, const Json& schema,
                   const std::string& pointer, Diagnostics& diagnostics) {
    if (schema.is_object() && schema.value("x-secrets", false)) {
        return;
    }
    if (value.is_string()) {
        for (const std::string& name : compose::secrets_in(value)) {
            diagnostics.add(document.at(
                pointer, fmt::format("the secret '{}' cannot be used here", name),
                "secrets are handed to guests by customize (write, run) and provision (run, script, env)"));
        }
    } else if (value.is_array()) {
        for (std::size_t i = 0; i < value.size(); ++i) {
            visit_secrets(document, value[i], child_schema(schema, "", true),
                          fmt::format("{}/{}", pointer, i), diagnostics);
        }
    } else if (value.is_object()) {
        for (const auto& item : value.items()) {
            const std::string below = pointer + "/" + pointer_token(item.key());
            visit_secrets(document, item.value(), child_schema(schema, item.key(), false), below,
                          diagnostics);
        }
    }
}

}  // namespace

void name_files_fully(YamlDocument& document, const fs::path& folder, const Json& schema) {
    FileNames names(document, folder);
    for (const auto& item : document.root.items()) {
        if (item.key() != "secrets") {  // they look for themselves (compose/secrets.cpp)
            names.visit(item.value(), child_schema(schema, item.key(), false),
                        "/" + pointer_token(item.key()));
        }
    }
}

void check_secret_use(const YamlDocument& document, const Json& schema, Diagnostics& diagnostics) {
    for (const auto& item : document.root.items()) {
        // In a variable it is judged where the variable is used.
        if (item.key() != "vars" && item.key() != "matrix") {
            visit_secrets(document, item.value(), child_schema(schema, item.key(), false),
                          "/" + pointer_token(item.key()), diagnostics);
        }
    }
}

}  // namespace imgforge::engine
