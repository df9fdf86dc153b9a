// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/settings.hpp"

#include <algorithm>
#include <span>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/settings_table.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge {
namespace {

std::vector<std::string> steps_of(std::string_view path) {
    std::vector<std::string> steps;
    for (std::size_t start = 0; start <= path.size();) {
        const std::size_t dot = std::min(path.find('.', start), path.size());
        steps.emplace_back(path.substr(start, dot - start));
        start = dot + 1;
    }
    return steps;
}

/// Lets a value that may already be of other types ("a URI") be a map too.
void allow_map(Json& node) {
    Json types = node.value("type", Json::array());
    if (!types.is_array()) {
        types = Json::array({types});
    }
    if (std::find(types.begin(), types.end(), Json("object")) == types.end()) {
        types.push_back("object");
    }
    node["type"] = types.size() == 1 ? types.front() : types;
}

Json& below(Json& node, const std::string& step) {
    allow_map(node);
    if (step == "*") {
        node.erase("properties");
        Json& any = node["additionalProperties"];
        if (!any.is_object()) {
            any = Json::object();
        }
        return any;
    }
    if (!node.contains("additionalProperties")) {
        node["additionalProperties"] = false;
    }
    return node["properties"][step];
}

/// Reads the values of one document into the settings, row by row.
class DocumentReader {
public:
    DocumentReader(const YamlDocument& document, Settings& settings, Diagnostics& diagnostics)
        : document_(document), settings_(settings), diagnostics_(diagnostics) {}

    void read() {
        Diagnostics found;
        check_schema(document_, "", document_.root, settings_schema(), found, {.whole = "the settings"});
        for (const Diagnostic& diagnostic : found.list()) {
            refused_.push_back(diagnostic.pointer);
        }
        diagnostics_.append(found);
        for (const SettingRow& row : setting_rows()) {
            if (row.read != nullptr) {
                const std::vector<std::string> steps = steps_of(row.path);
                descend(row, steps, "", "", document_.root);
            }
        }
    }

private:
    /// A value that the schema refused, or that holds such a value, has been reported and is not read.
    bool refused(const std::string& pointer) const {
        return std::any_of(refused_.begin(), refused_.end(), [&](const std::string& bad) {
            return bad == pointer || bad.starts_with(pointer + "/") || pointer.starts_with(bad + "/");
        });
    }

    void descend(const SettingRow& row, std::span<const std::string> steps, const std::string& pointer,
                 const std::string& name, const Json& value) {
        if (steps.empty()) {
            if (!refused(pointer)) {
                read_value(row, pointer, name, value);
            }
            return;
        }
        if (!value.is_object()) {
            return;
        }
        const bool any = steps.front() == "*";
        for (const auto& item : value.items()) {
            if (any || item.key() == steps.front()) {
                descend(row, steps.subspan(1), pointer + "/" + pointer_token(item.key()),
                        any ? item.key() : name, item.value());
            }
        }
    }

    void read_value(const SettingRow& row, const std::string& pointer, const std::string& name,
                    const Json& value) {
        try {
            row.read(settings_, name, value);
        } catch (const Error& error) {
            diagnostics_.add(document_.at(
                pointer, error.hint().empty() ? error.message() : error.message() + "; " + error.hint()));
        }
    }

    const YamlDocument& document_;
    Settings& settings_;
    Diagnostics& diagnostics_;
    std::vector<std::string> refused_;
};

}  // namespace

Json settings_schema() {
    Json schema{{"$schema", "http://json-schema.org/draft-07/schema#"},
                {"title", "imgforge settings"},
                {"x-kind", "setting"}};
    for (const SettingRow& row : setting_rows()) {
        Json* node = &schema;
        for (const std::string& step : steps_of(row.path)) {
            node = &below(*node, step);
        }
        node->update(Json::parse(row.schema));
    }
    return schema;
}

namespace {

/// A file as it is installed: nothing but comments. Every command reads it, so it is not parsed.
bool only_comments(std::string_view text) {
    while (!text.empty()) {
        const std::size_t end = std::min(text.find('\n'), text.size() - 1);
        const std::string_view line = text.substr(0, end + 1);
        if (line.front() != '#' && line != "\n") {
            return false;
        }
        text.remove_prefix(end + 1);
    }
    return true;
}

}  // namespace

Settings load_settings(const std::vector<std::filesystem::path>& files) {
    Settings settings;
    Diagnostics diagnostics;
    for (const std::filesystem::path& file : files) {
        std::error_code code;
        if (!std::filesystem::exists(file, code) || only_comments(read_file(file, YamlLimits{}.bytes))) {
            continue;
        }
        const YamlDocument document = load_yaml(file.string());
        // A file of comments only.
        if (!document.root.is_null()) {
            DocumentReader(document, settings, diagnostics).read();
        }
    }
    diagnostics.throw_if_errors();
    return settings;
}

}  // namespace imgforge
