// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/json_schema_words.hpp"

#include <algorithm>
#include <cctype>
#include <cmath>
#include <map>

#include <fmt/format.h>

#include "builder/base/redact.hpp"

namespace imgforge::json_schema {
namespace {

constexpr std::size_t shown_limit = 60;

std::string last_key(const std::string& pointer) {
    const std::size_t slash = pointer.rfind('/');
    std::string key = slash == std::string::npos ? std::string() : pointer.substr(slash + 1);
    for (const auto& [escape, meant] : {std::pair("~1", "/"), std::pair("~0", "~")}) {
        for (std::size_t at = key.find(escape); at != std::string::npos; at = key.find(escape, at + 1)) {
            key.replace(at, 2, meant);
        }
    }
    return key;
}

bool is_index(const std::string& key) {
    return !key.empty() &&
           std::all_of(key.begin(), key.end(), [](unsigned char c) { return std::isdigit(c) != 0; });
}

std::string type_of(const Json& value) {
    switch (value.type()) {
        case Json::value_t::null: return "null";
        case Json::value_t::boolean: return "boolean";
        case Json::value_t::string: return "string";
        case Json::value_t::array: return "array";
        case Json::value_t::object: return "object";
        case Json::value_t::number_integer:
        case Json::value_t::number_unsigned: return "integer";
        case Json::value_t::binary: return "date";  // guest_yaml.hpp
        default: return "number";
    }
}

}  // namespace

std::string named(const std::string& pointer) {
    const std::string key = last_key(pointer);
    if (!is_index(key)) {
        return fmt::format("'{}'", key);
    }
    const std::string parent = last_key(pointer.substr(0, pointer.rfind('/')));
    return fmt::format("item {} of '{}'", std::stoul(key.substr(0, 9)) + 1, parent);
}

bool has_type(const Json& value, const std::string& type) {
    const std::string own = type_of(value);
    // Draft-06 and later: a number without fraction counts as an integer.
    const bool whole = own == "number" && value.get<double>() == std::trunc(value.get<double>());
    return own == type || (type == "number" && own == "integer") || (type == "integer" && whole);
}

std::string type_text(const std::string& type) {
    static const std::map<std::string, std::string> texts = {
        {"null", "empty"},
        {"boolean", "true or false"},
        {"string", "text"},
        {"array", "a list"},
        {"object", "a map"},
        {"date", "a date"},
        {"integer", "a whole number"},
        {"number", "a number"},
    };
    const auto found = texts.find(type);
    return found != texts.end() ? found->second : type;
}

std::string types_text(const std::vector<std::string>& types) {
    std::string wanted;
    for (const std::string& type : types) {
        if (type != "null" || types.size() == 1) {
            wanted += (wanted.empty() ? "" : " or ") + type_text(type);
        }
    }
    return wanted;
}

std::string type_rule(const Json& schema) {
    return schema.contains("pattern") && schema.contains("x-message")
               ? schema["x-message"].get<std::string>()
               : "must be " + types_text(strings(schema["type"]));
}

bool quotes_would_do(const Json& value, const Json& schema) {
    return (value.is_number() || value.is_boolean()) && !schema.contains("enum") &&
           type_rule(schema) == "must be text";
}

bool in_range(double number, const Json& schema) {
    return !(schema.contains("minimum") && number < schema["minimum"].get<double>()) &&
           !(schema.contains("exclusiveMinimum") && number <= schema["exclusiveMinimum"].get<double>()) &&
           !(schema.contains("maximum") && number > schema["maximum"].get<double>()) &&
           !(schema.contains("exclusiveMaximum") && number >= schema["exclusiveMaximum"].get<double>());
}

std::string range_text(const Json& schema) {
    const Json from =
        schema.contains("minimum") ? schema["minimum"] : schema.value("exclusiveMinimum", Json("…"));
    const Json to =
        schema.contains("maximum") ? schema["maximum"] : schema.value("exclusiveMaximum", Json("…"));
    return to.is_string()     ? "at least " + from.dump()
           : from.is_string() ? "at most " + to.dump()
                              : fmt::format("between {} and {}", from.dump(), to.dump());
}

std::size_t characters(const std::string& text) {
    return static_cast<std::size_t>(std::count_if(
        text.begin(), text.end(), [](char c) { return (static_cast<unsigned char>(c) & 0xc0U) != 0x80U; }));
}

std::string shown(const std::string& pointer, const Json& value) {
    if (is_secret_key(last_key(pointer))) {
        return "what is given";
    }
    if (value.is_structured() || value.is_binary()) {
        return type_text(type_of(value));
    }
    const std::string text = shortened(redact(value.is_string() ? value.get<std::string>() : value.dump()));
    return value.is_string() ? fmt::format("the text '{}'", text) : value.is_null() ? "empty" : text;
}

std::vector<std::string> strings(const Json& value) {
    std::vector<std::string> list;
    const auto add = [&](const Json& item) {
        list.push_back(item.is_string() ? item.get<std::string>() : item.dump());
    };
    if (value.is_primitive()) {
        add(value);
    }
    if (value.is_array()) {
        std::for_each(value.begin(), value.end(), add);
    }
    return list;
}

bool is_boolean_word(const Json& value) {
    if (!value.is_string()) {
        return false;
    }
    std::string word = value.get<std::string>();
    std::transform(word.begin(), word.end(), word.begin(),
                   [](unsigned char c) { return static_cast<char>(std::tolower(c)); });
    return word == "yes" || word == "no" || word == "on" || word == "off" || word == "true" ||
           word == "false";
}

std::string shortened(const std::string& text) {
    return text.size() > shown_limit ? text.substr(0, shown_limit) + "…" : text;
}

}  // namespace imgforge::json_schema
