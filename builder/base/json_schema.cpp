// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/json_schema.hpp"

#include <algorithm>
#include <optional>
#include <regex>
#include <vector>

#include <fmt/format.h>

#include "builder/base/json_schema_words.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge {
namespace {

using json_schema::shortened;
using json_schema::shown;
using json_schema::strings;
using json_schema::type_text;

/// std::regex recurses once per character; longer texts are refused before it sees them.
constexpr std::size_t pattern_text_limit = 1024;

/// The member of an object, or an empty object: without copying, since maps of a schema are large.
const Json& member(const Json& schema, const char* key) {
    static const Json empty = Json::object();
    const auto found = schema.find(key);
    return found != schema.end() ? *found : empty;
}

class Walker {
public:
    Walker(const YamlDocument& document, const Json& root, Diagnostics& diagnostics,
           const SchemaManner& manner)
        : document_(document), root_(root), diagnostics_(diagnostics), manner_(manner) {}

    void check(const std::string& pointer, const Json& value, const Json& schema) {
        if (schema.is_boolean()) {
            if (!schema.get<bool>()) {
                complain(pointer, named(pointer) + " is not allowed here");
            }
            return;
        }
        if (schema.contains("$ref")) {
            check(pointer, value, resolved(schema));
            return;
        }
        if (!check_type(pointer, value, schema)) {
            return;
        }
        check_choice(pointer, value, schema);
        check_combined(pointer, value, schema);
        if (value.is_string()) {
            check_text(pointer, value.get_ref<const std::string&>(), schema);
        } else if (value.is_number()) {
            check_number(pointer, value, schema);
        } else if (value.is_array()) {
            check_list(pointer, value, schema);
        } else if (value.is_object()) {
            check_map(pointer, value, schema);
        }
    }

private:
    /// Draft-07: siblings of $ref are ignored.
    const Json& resolved(const Json& schema) const {
        const bool reference = schema.is_object() && schema.contains("$ref");
        return reference ? resolved(root_.at(Json::json_pointer(schema["$ref"].get<std::string>().substr(1))))
                         : schema;
    }

    std::string named(const std::string& pointer) const {
        return pointer.empty() ? manner_.whole : json_schema::named(pointer);
    }

    bool has_type(const Json& value, const std::string& type) const {
        return json_schema::has_type(value, type) ||
               (manner_.yaml_1_1 && type == "boolean" && json_schema::is_boolean_word(value));
    }

    void complain(const std::string& pointer, std::string message, std::string suggestion = {},
                  bool at_key = false) {
        diagnostics_.add(document_.at(pointer, std::move(message), std::move(suggestion), at_key));
    }

    void warn(const std::string& pointer, std::string message, std::string suggestion) {
        Diagnostic diagnostic = document_.at(pointer, std::move(message), std::move(suggestion), true);
        diagnostic.severity = Diagnostic::Severity::warning;
        diagnostics_.add(std::move(diagnostic));
    }

    bool check_type(const std::string& pointer, const Json& value, const Json& schema) {
        if (!schema.contains("type")) {
            return true;
        }
        const std::vector<std::string> types = strings(schema["type"]);
        if (std::any_of(types.begin(), types.end(),
                        [&](const std::string& type) { return has_type(value, type); })) {
            return true;
        }
        complain(pointer,
                 fmt::format("{} {}, not {}", named(pointer), json_schema::type_rule(schema),
                             shown(pointer, value)),
                 json_schema::quotes_would_do(value, schema) ? "put it in quotes" : "");
        return false;
    }

    void check_choice(const std::string& pointer, const Json& value, const Json& schema) {
        if (schema.contains("const") && schema["const"] != value) {
            complain(pointer, fmt::format("{} must be {}", named(pointer), schema["const"].dump()));
        }
        if (!schema.contains("enum")) {
            return;
        }
        const Json& choices = schema["enum"];
        if (std::find(choices.begin(), choices.end(), value) != choices.end()) {
            return;
        }
        const std::vector<std::string> names = strings(choices);
        const std::string suggestion =
            value.is_string() ? nearest(value.get<std::string>(), names).value_or("") : "";
        complain(pointer,
                 fmt::format("{} must be one of {}, not {}", named(pointer), fmt::join(names, ", "),
                             shown(pointer, value)),
                 suggestion);
    }

    std::size_t faults(const std::string& pointer, const Json& value, const Json& schema,
                       Diagnostics& found) {
        Walker(document_, root_, found, manner_).check(pointer, value, schema);
        return static_cast<std::size_t>(std::count_if(
            found.list().begin(), found.list().end(),
            [](const Diagnostic& fault) { return fault.severity == Diagnostic::Severity::error; }));
    }

    bool matches(const std::string& pointer, const Json& value, const Json& schema) {
        Diagnostics ignored;
        return faults(pointer, value, schema, ignored) == 0;
    }

    /// anyOf and oneOf: when nothing matches, the errors of the form that was most likely meant (fewest
    /// errors, and among forms of the value's own type) are reported rather than "matches none".
    void check_forms(const std::string& pointer, const Json& value, const Json& forms, bool only_one) {
        std::size_t matching = 0;
        std::size_t fewest = 0;
        std::optional<Diagnostics> best;
        std::vector<std::string> wanted;
        for (const Json& given : forms) {
            const Json& form = resolved(given);
            Diagnostics found;
            const std::size_t count = faults(pointer, value, form, found);
            if (count == 0) {
                if (++matching == 1) {
                    best = found;  // its warnings
                }
                continue;
            }
            const bool typed = form.is_object() && form.contains("type");
            const std::vector<std::string> types = typed ? strings(form["type"]) : std::vector<std::string>{};
            const bool own = std::any_of(types.begin(), types.end(),
                                         [&](const std::string& type) { return has_type(value, type); });
            if (matching == 0 && (!typed || own) && (!best || count < fewest)) {
                best = found;
                fewest = count;
            }
            for (const std::string& type : types) {
                wanted.push_back(type_text(type));
            }
        }
        if (best) {
            diagnostics_.append(*best);
        } else if (matching == 0) {
            complain(pointer, fmt::format("{} must be {}, not {}", named(pointer), fmt::join(wanted, " or "),
                                          shown(pointer, value)));
        }
        if (only_one && matching > 1) {
            complain(pointer, fmt::format("{} can be read in more than one way", named(pointer)));
        }
    }

    void check_combined(const std::string& pointer, const Json& value, const Json& schema) {
        if (schema.contains("allOf")) {
            for (const Json& part : schema["allOf"]) {
                check(pointer, value, part);
            }
        }
        if (schema.contains("anyOf")) {
            check_forms(pointer, value, schema["anyOf"], false);
        }
        if (schema.contains("oneOf")) {
            check_forms(pointer, value, schema["oneOf"], true);
        }
        if (schema.contains("not") && matches(pointer, value, schema["not"])) {
            complain(pointer, schema.value("x-message", named(pointer) + " is not allowed like this"));
        }
        if (schema.contains("if")) {
            const char* const branch = matches(pointer, value, schema["if"]) ? "then" : "else";
            if (schema.contains(branch)) {
                check(pointer, value, schema[branch]);
            }
        }
    }

    void check_text(const std::string& pointer, const std::string& text, const Json& schema) {
        const std::size_t length = json_schema::characters(text);
        if (length < schema.value("minLength", std::size_t{0})) {
            complain(pointer, text.empty() ? named(pointer) + " must not be empty"
                                           : fmt::format("{} must have at least {} characters",
                                                         named(pointer), schema["minLength"].dump()));
        }
        if (schema.contains("maxLength") && length > schema["maxLength"].get<std::size_t>()) {
            complain(pointer, fmt::format("{} has {} characters, more than {}", named(pointer), length,
                                          schema["maxLength"].dump()));
        }
        if (!schema.contains("pattern")) {
            return;
        }
        if (text.size() > pattern_text_limit) {
            complain(pointer, fmt::format("{} has {} characters, more than {}", named(pointer), length,
                                          pattern_text_limit));
            return;
        }
        const std::string pattern = schema["pattern"].get<std::string>();
        if (!std::regex_search(text, std::regex(pattern))) {
            const std::string rule = schema.value("x-message", fmt::format("must match {}", pattern));
            complain(pointer, fmt::format("{} {}, not {}", named(pointer), rule, shown(pointer, text)));
        }
    }

    void check_number(const std::string& pointer, const Json& value, const Json& schema) {
        if (!json_schema::in_range(value.get<double>(), schema)) {
            complain(pointer, fmt::format("{} is {}; it must be {}", named(pointer), value.dump(),
                                          json_schema::range_text(schema)));
        }
    }

    void check_list(const std::string& pointer, const Json& value, const Json& schema) {
        if (value.size() < schema.value("minItems", std::size_t{0})) {
            complain(pointer, value.empty() ? fmt::format("{} must not be empty", named(pointer))
                                            : fmt::format("{} needs at least {} items", named(pointer),
                                                          schema["minItems"].dump()));
        }
        if (schema.contains("maxItems") && value.size() > schema["maxItems"].get<std::size_t>()) {
            complain(pointer, fmt::format("{} has {} items, more than {}", named(pointer), value.size(),
                                          schema["maxItems"].dump()));
        }
        if (schema.value("uniqueItems", false)) {
            std::set<std::string> seen;
            for (std::size_t i = 0; i < value.size(); ++i) {
                if (!seen.insert(canonical(value[i])).second) {
                    const std::string at = fmt::format("{}/{}", pointer, i);
                    complain(at, fmt::format("{} is in the list twice", shown(at, value[i])));
                }
            }
        }
        if (schema.contains("items")) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                check(fmt::format("{}/{}", pointer, i), value[i], schema["items"]);
            }
        }
    }

    void check_map(const std::string& pointer, const Json& value, const Json& schema) {
        for (const std::string& key : strings(member(schema, "required"))) {
            if (!value.contains(key)) {
                complain(pointer,
                         pointer.empty() ? fmt::format("'{}' is missing", key)
                                         : fmt::format("'{}' is missing in {}", key, named(pointer)),
                         {}, true);
            }
        }
        if (value.size() < schema.value("minProperties", std::size_t{0}) ||
            (schema.contains("maxProperties") && value.size() > schema["maxProperties"].get<std::size_t>())) {
            complain(pointer,
                     schema.value("x-message", value.empty() ? named(pointer) + " must not be empty"
                                                             : fmt::format("{} has {} keys", named(pointer),
                                                                           value.size())));
        }
        for (const auto& item : value.items()) {
            const std::string below = pointer + "/" + pointer_token(item.key());
            if (schema.contains("propertyNames")) {
                Diagnostics found;
                faults(below, Json(item.key()), schema["propertyNames"], found);
                for (const Diagnostic& fault : found.list()) {
                    complain(below, "the name " + fault.message, fault.suggestion, true);
                }
            }
            check_property(pointer, below, item.key(), item.value(), schema);
        }
    }

    void check_property(const std::string& pointer, const std::string& below, const std::string& key,
                        const Json& value, const Json& schema) {
        bool known = false;
        const Json& properties = member(schema, "properties");
        if (properties.contains(key)) {
            known = true;
            if (const auto old = properties[key].find("deprecated");
                properties[key].is_object() && old != properties[key].end()) {
                warn(below, fmt::format("'{}' is deprecated", key), old->get<std::string>());
            }
            check(below, value, properties[key]);
        }
        const Json& patterns = member(schema, "patternProperties");
        for (const auto& pattern : patterns.items()) {
            if (key.size() <= pattern_text_limit && std::regex_search(key, std::regex(pattern.key()))) {
                known = true;
                check(below, value, pattern.value());
            }
        }
        if (known || !schema.contains("additionalProperties")) {
            return;
        }
        const Json& others = schema["additionalProperties"];
        if (!others.is_boolean()) {
            check(below, value, others);
        } else if (!others.get<bool>()) {
            std::vector<std::string> names;
            for (const auto& property : properties.items()) {
                names.push_back(property.key());
            }
            const std::string where =
                pointer.empty() || schema.contains("x-kind") ? "" : " in " + named(pointer);
            const std::string message =
                fmt::format("unknown {} '{}'{}", schema.value("x-kind", "key"), shortened(key), where);
            if (manner_.unknown_keys_are_ignored) {
                warn(below, message + ", it will be ignored", nearest(key, names).value_or(""));
            } else {
                complain(below, message, nearest(key, names).value_or(""), true);
            }
        }
    }

    const YamlDocument& document_;
    const Json& root_;
    Diagnostics& diagnostics_;
    const SchemaManner& manner_;
};

}  // namespace

void check_schema(const YamlDocument& document, const std::string& pointer, const Json& value,
                  const Json& schema, Diagnostics& diagnostics, const SchemaManner& manner) {
    Walker(document, schema, diagnostics, manner).check(pointer, value, schema);
}

}  // namespace imgforge
