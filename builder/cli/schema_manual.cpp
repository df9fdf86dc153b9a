// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/schema_manual.hpp"

#include <algorithm>
#include <cctype>
#include <vector>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/json_text.hpp"
#include "builder/cli/manual.hpp"

namespace imgforge::cli {
namespace {

std::string sentence(std::string text) {
    text = capitalised(std::move(text));
    if (!text.empty() && text.back() != '.') {
        text += '.';
    }
    return text.empty() ? text : text + " ";
}

}  // namespace

std::string taken(const Json& rule) {
    if (rule.contains("enum")) {
        std::vector<std::string> words;
        for (const Json& word : rule["enum"]) {
            words.push_back(word.is_string() ? word.get<std::string>() : word.dump());
        }
        return fmt::format("one of: {}", fmt::join(words, ", "));
    }
    std::string kinds;
    const Json types = rule.value("type", Json());
    for (const Json& type : types.is_array() ? types : Json::array({types})) {
        const std::string word = !type.is_string()   ? ""
                                 : type == "string"  ? "text"
                                 : type == "boolean" ? "true or false"
                                 : type == "integer" ? "a whole number"
                                 : type == "array"   ? "a list"
                                 : type == "object"  ? "a mapping"
                                                     : type.get<std::string>();
        kinds += (kinds.empty() || word.empty() ? "" : " or ") + word;
    }
    return kinds;
}

std::string schema_entries(const Json& rule) {
    std::string text;
    const Json properties = rule.value("properties", Json::object());
    for (const auto& [key, sub] : properties.items()) {
        text += schema_entry(key, sub);
    }
    // Keys that the user names.
    const auto others = rule.find("additionalProperties");
    return others != rule.end() && others->is_object() && !text_at(*others, "description").empty()
               ? text + schema_entry("NAME", *others)
               : text;
}

std::string schema_entry(const std::string& key, const Json& rule) {
    std::string line = sentence(text_at(rule, "description"));
    if (std::string kinds = taken(rule); rule.contains("enum")) {
        kinds[0] = 'O';
        line += kinds + ".";
    } else if (!kinds.empty()) {
        line += "Takes " + kinds + ".";
    }
    if (rule.contains("default") && !rule["default"].is_structured() && rule["default"] != "") {
        line += fmt::format(" Default: {}.", rule["default"].is_string() ? rule["default"].get<std::string>()
                                                                         : rule["default"].dump());
    }
    std::string text = fmt::format(".TP\n\\fB{}\\fR\n{}\n", troff_escape(key), troff_escape(line));
    const Json items = rule.value("items", Json::object());
    for (const Json* below : {&rule, &items}) {
        if (const std::string more = below->is_object() ? schema_entries(*below) : ""; !more.empty()) {
            text += ".RS\n" + more + ".RE\n";
        }
    }
    return text;
}

std::string capitalised(std::string text) {
    const auto at = [&](std::size_t i) { return static_cast<unsigned char>(text[i]); };
    if (text.size() > 1 && std::islower(at(0)) != 0 && (std::isalpha(at(1)) != 0 || text[1] == ' ') &&
        !text.starts_with("qcow2")) {
        text[0] = static_cast<char>(std::toupper(at(0)));
    }
    return text;
}

std::string described(const Json& rule) {
    return sentence(text_at(rule, "description"));
}

std::string manual_page(const FormatPage& page) {
    std::string title(page.name);
    std::transform(title.begin(), title.end(), title.begin(),
                   [](unsigned char c) { return static_cast<char>(std::toupper(c)); });
    std::string see;
    for (const auto& [name, section] : page.see) {
        see +=
            fmt::format("{}.BR {} ({})", see.empty() ? "" : ",\n", troff_escape(std::string(name)), section);
    }
    return fmt::format(".TH IMGFORGE.{} 5 \"\" \"imgforge {}\" \"File Formats\"\n", title, IMGFORGE_VERSION) +
           fmt::format(".SH NAME\nimgforge.{} \\- {}\n", page.name, page.summary) +
           fmt::format(".SH DESCRIPTION\n{}\n", troff_escape(std::string(page.text))) +
           fmt::format(".PP\n.nf\n.RS\n{}.RE\n.fi\n", troff_escape(std::string(page.example))) +
           fmt::format(".SH KEYS\n{}{}.SH SEE ALSO\n{}\n", page.keys, page.more, see);
}

}  // namespace imgforge::cli
