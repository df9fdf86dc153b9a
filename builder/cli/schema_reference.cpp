// SPDX-License-Identifier: GPL-3.0-or-later
// The reference of the documentation site. The manual pages are made from the same schemas
// (schema_manual.cpp).
#include "builder/cli/schema_reference.hpp"

#include <fmt/format.h>

#include "builder/base/json_text.hpp"
#include "builder/cli/schema_manual.hpp"

namespace imgforge::cli {
namespace {

constexpr const char* made_by =
    "This page is made from the schema: `IMGFORGE_UPDATE_DOCS=1 unit_cli --gtest_filter=Reference.*`.\n";

/// Text in a cell of a table: one line, no bar that would end the cell, nothing that reads as HTML.
std::string cell(const std::string& text) {
    std::string result;
    for (const char c : text) {
        switch (c) {
            case '|': result += "\\|"; break;
            case '<': result += "&lt;"; break;
            case '\n': result += ' '; break;
            default: result += c;
        }
    }
    return result;
}

/// A value as YAML would have it on one line.
std::string code(const Json& value) {
    const std::string text = value.is_string() ? value.get<std::string>() : value.dump();
    return text.empty() ? std::string() : "`" + cell(text) + "`";
}

std::string value_of(const Json& rule, const char* key) {
    const Json value = rule.value(key, Json());
    return value.is_null() || (value.is_structured() && value.empty()) ? std::string() : code(value);
}

std::string example_of(const Json& rule) {
    const Json examples = rule.value("examples", Json::array());
    return examples.empty() ? std::string() : code(examples.front());
}

std::string rows(const std::string& path, const Json& rule);

/// The rows of all keys below `rule`, whose own path is `path`.
std::string rows_below(const std::string& path, const Json& rule) {
    std::string text;
    const std::string prefix = path.empty() ? "" : path + ".";
    const Json properties = rule.value("properties", Json::object());
    for (const auto& [key, sub] : properties.items()) {
        text += rows(prefix + key, sub);
    }
    const auto others = rule.find("additionalProperties");
    if (others != rule.end() && others->is_object() && !text_at(*others, "description").empty()) {
        text += rows(prefix + "NAME", *others);
    }
    const Json items = rule.value("items", Json::object());
    return items.is_object() && items.contains("properties") ? text + rows_below(path + "[]", items) : text;
}

std::string rows(const std::string& path, const Json& rule) {
    return fmt::format("| `{}` | {} | {} | {} | {} |\n", path,
                       cell(capitalised(text_at(rule, "description"))), cell(taken(rule)),
                       value_of(rule, "default"), example_of(rule)) +
           rows_below(path, rule);
}

std::string table(const std::string& body) {
    return body.empty() ? "No options.\n"
                        : "| key | meaning | takes | default | example |\n|---|---|---|---|---|\n" + body;
}

}  // namespace

std::string recipe_reference(const Json& schema) {
    const Json properties = schema.value("properties", Json::object());
    std::string body;
    for (const auto& [key, rule] : properties.items()) {
        body += key == "stages" ? "| `stages` | The stages, in the order in which they run; each item is one "
                                  "`TYPE: {OPTIONS}`, "
                                  "see below | a list | | `[{install: {}}, {publish: {keep: 3}}]` |\n"
                                : rows(key, rule);
    }
    std::string page = std::string(
                           "# Every key of a recipe\n\nHow they work together: [the recipe]"
                           "(../recipe.md). Terms: [glossary](../glossary.md). On a terminal: `man "
                           "imgforge.recipe`.\n") +
                       made_by + "\n## The recipe\n\n" + table(body);
    const Json types = properties.value("stages", Json::object())
                           .value("items", Json::object())
                           .value("properties", Json::object());
    for (const auto& [type, rule] : types.items()) {
        page +=
            fmt::format("\n## Stage `{}`\n\n{}\n\n{}", type, described(rule), table(rows_below("", rule)));
    }
    return page;
}

std::string settings_reference(const Json& schema) {
    return std::string(
               "# Every key of the settings\n\n`/etc/imgforge/config.yaml` is for all users, "
               "`~/.config/imgforge/config.yaml` for one user and takes precedence: mappings are merged key "
               "by "
               "key, lists are replaced. On a terminal: `man imgforge.config`.\n") +
           made_by + "\n" + table(rows_below("", schema));
}

}  // namespace imgforge::cli
