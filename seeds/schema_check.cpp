// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/schema_check.hpp"

#include <algorithm>
#include <cctype>
#include <regex>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/base/places.hpp"
#include "builder/base/suggestion.hpp"

namespace imgforge::seeds {
namespace {

const Json& no_value() {
    static const Json null;
    return null;
}

const Json& member(const Json& object, const char* key) {
    const auto found = object.is_object() ? object.find(key) : object.end();
    return object.is_object() && found != object.end() ? *found : no_value();
}

/// The words PyYAML (YAML 1.1) reads as booleans besides true and false.
bool is_boolean_word(const Json& value) {
    if (!value.is_string()) {
        return false;
    }
    std::string word = value.get<std::string>();
    std::transform(word.begin(), word.end(), word.begin(), [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word == "yes" || word == "no" || word == "on" || word == "off" || word == "true" || word == "false";
}

bool is_type(const Json& value, const std::string& type) {
    if (type == "string") {
        return value.is_string();
    }
    if (type == "integer") {
        return value.is_number_integer();
    }
    if (type == "number") {
        return value.is_number();
    }
    if (type == "boolean") {
        return value.is_boolean() || is_boolean_word(value);
    }
    if (type == "array") {
        return value.is_array();
    }
    return type == "object" ? value.is_object() : value.is_null();
}

std::string type_name(const Json& value) {
    return value.is_string()    ? "text"
           : value.is_boolean() ? "a boolean"
           : value.is_number()  ? "a number"
           : value.is_array()   ? "a list"
           : value.is_object()  ? "a mapping"
                                : "empty";
}

std::string wanted_name(const std::string& type) {
    return type == "string"    ? "text"
           : type == "boolean" ? "true or false"
           : type == "integer" ? "a whole number"
           : type == "array"   ? "a list"
           : type == "object"  ? "a mapping"
           : type == "null"    ? "nothing"
                               : type;
}

std::string last_token(const std::string& pointer) {
    const std::size_t slash = pointer.rfind('/');
    return slash == std::string::npos ? "the file" : "`" + pointer.substr(slash + 1) + "`";
}

class Checker {
public:
    Checker(const Json& schema, const YamlDocument& document, Diagnostics& faults)
        : schema_(schema), document_(document), faults_(faults) {}

    void check(const Json& given_rule, const Json& value, const std::string& pointer) {
        const Json& rule = resolved(given_rule);
        if (!check_any_of(rule, value, pointer) || !check_type(rule, value, pointer)) {
            return;
        }
        check_value(rule, value, pointer);
        if (value.is_object()) {
            check_object(rule, value, pointer);
        }
        if (value.is_array()) {
            check_array(rule, value, pointer);
        }
    }

private:
    const Json& resolved(const Json& rule) const {
        const Json& reference = member(rule, "$ref");
        return reference.is_string() ? schema_.at(nlohmann::ordered_json::json_pointer(reference.get<std::string>().substr(1))) : rule;
    }

    void fault(const std::string& pointer, std::string message, std::string suggestion = {}) {
        faults_.add(document_.at(pointer, std::move(message), std::move(suggestion)));
    }

    void warn(const std::string& pointer, std::string message, std::string suggestion = {}) {
        Diagnostic diagnostic = document_.at(pointer, std::move(message), std::move(suggestion), true);
        diagnostic.severity = Diagnostic::Severity::warning;
        faults_.add(std::move(diagnostic));
    }

    static std::vector<std::string> types_of(const Json& rule) {
        const Json& type = member(rule, "type");
        return type.is_string()  ? std::vector<std::string>{type.get<std::string>()}
               : type.is_array() ? type.get<std::vector<std::string>>()
                                 : std::vector<std::string>{};
    }

    bool check_type(const Json& rule, const Json& value, const std::string& pointer) {
        const std::vector<std::string> types = types_of(rule);
        if (types.empty() || std::any_of(types.begin(), types.end(), [&](const auto& type) { return is_type(value, type); })) {
            return true;
        }
        std::string wanted;
        for (const std::string& type : types) {
            wanted += (wanted.empty() ? "" : " or ") + wanted_name(type);
        }
        fault(pointer, fmt::format("{} must be {}, not {}", last_token(pointer), wanted, type_name(value)));
        return false;
    }

    /// Goes on with the branch whose type fits, so that faults inside it are told exactly; false when none fits.
    bool check_any_of(const Json& rule, const Json& value, const std::string& pointer) {
        const Json& branches = member(rule, "anyOf");
        if (!branches.is_array()) {
            return true;
        }
        std::string wanted;
        for (const Json& given : branches) {
            const Json& branch = resolved(given);
            for (const std::string& type : types_of(branch)) {
                if (is_type(value, type)) {
                    check(branch, value, pointer);
                    return true;
                }
                wanted += (wanted.empty() ? "" : " or ") + wanted_name(type);
            }
        }
        fault(pointer, fmt::format("{} must be {}, not {}", last_token(pointer), wanted, type_name(value)));
        return false;
    }

    void check_value(const Json& rule, const Json& value, const std::string& pointer) {
        if (const Json& choices = member(rule, "enum"); choices.is_array()) {
            if (std::find(choices.begin(), choices.end(), value) == choices.end()) {
                std::vector<std::string> words;
                for (const Json& choice : choices) {
                    words.push_back(choice.is_string() ? choice.get<std::string>() : choice.dump());
                }
                const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
                fault(pointer, fmt::format("{} is '{}', which is none of: {}", last_token(pointer), text, fmt::join(words, ", ")),
                      nearest(text, words).value_or(""));
            }
        }
        if (const Json& pattern = member(rule, "pattern"); pattern.is_string() && value.is_string()) {
            // std::regex recurses per character, so a hostile text could exhaust the stack.
            const std::string& text = value.get_ref<const std::string&>();
            if (text.size() > 1024 || !std::regex_search(text, std::regex(pattern.get<std::string>()))) {
                const Json& hint = member(rule, "description");
                fault(pointer, fmt::format("{} is '{}'", last_token(pointer), text.substr(0, 80)),
                      hint.is_string() ? hint.get<std::string>() : "");
            }
        }
    }

    const Json* rule_of_key(const Json& rule, const std::string& key) const {
        if (const Json& properties = member(rule, "properties"); properties.is_object() && properties.contains(key)) {
            return &properties[key];
        }
        for (const auto& [pattern, sub] : member(rule, "patternProperties").items()) {
            if (std::regex_search(key, std::regex(pattern))) {
                return &sub;
            }
        }
        const Json& more = member(rule, "additionalProperties");
        return more.is_object() ? &more : nullptr;
    }

    void check_object(const Json& rule, const Json& value, const std::string& pointer) {
        for (const auto& [key, child] : value.items()) {
            const std::string place = pointer + "/" + pointer_token(key);
            if (const Json* const sub = rule_of_key(rule, key)) {
                if (const Json& text = member(*sub, "deprecated"); text.is_string()) {
                    warn(place, fmt::format("`{}` is deprecated", key), text.get<std::string>());
                }
                check(*sub, child, place);
            } else if (member(rule, "additionalProperties") == false) {
                std::vector<std::string> known;
                for (const auto& [name, sub_rule] : member(rule, "properties").items()) {
                    known.push_back(name);
                }
                warn(place, fmt::format("unknown key `{}`, it will be ignored", key), nearest(key, known).value_or(""));
            }
        }
        for (const Json& key : member(rule, "required")) {
            if (!value.contains(key.get<std::string>())) {
                fault(pointer, fmt::format("{} has no `{}`", last_token(pointer), key.get<std::string>()));
            }
        }
    }

    void check_array(const Json& rule, const Json& value, const std::string& pointer) {
        if (const Json& least = member(rule, "minItems"); least.is_number() && value.size() < least.get<std::size_t>()) {
            fault(pointer, fmt::format("{} is an empty list", last_token(pointer)));
        }
        if (const Json& items = member(rule, "items"); items.is_object()) {
            for (std::size_t i = 0; i < value.size(); ++i) {
                check(items, value[i], fmt::format("{}/{}", pointer, i));
            }
        }
    }

    const Json& schema_;
    const YamlDocument& document_;
    Diagnostics& faults_;
};

}  // namespace

Diagnostics check_schema_tree(std::string_view schema, const YamlDocument& document) {
    const std::filesystem::path path = data_path(std::filesystem::path("seeds/schemas") / schema);
    const Json rules = parse_json(read_file(path), path.string());
    Diagnostics faults;
    Checker(rules, document, faults).check(rules, document.root, "");
    faults.sort();
    return faults;
}

Diagnostics check_schema_text(std::string_view schema, const std::string& text, const std::string& file) {
    Diagnostics faults;
    const auto document = parse_yaml(text, file, faults);
    if (document && !faults.has_errors()) {
        faults.append(check_schema_tree(schema, *document));
    }
    return faults;
}

}  // namespace imgforge::seeds
