// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/cli/manual.hpp"

namespace imgforge::cli {
namespace {

std::string text_of(const Json& object, const char* key) {
    const auto found = object.find(key);
    return found != object.end() && found->is_string() ? found->get<std::string>() : std::string();
}

/// "text", "one of: bios, uefi", "a list".
std::string kind_of(const Json& rule) {
    if (rule.contains("enum")) {
        std::vector<std::string> words;
        for (const Json& word : rule["enum"]) {
            words.push_back(word.is_string() ? word.get<std::string>() : word.dump());
        }
        return fmt::format("One of: {}.", fmt::join(words, ", "));
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
    return kinds.empty() ? "" : "Takes " + kinds + ".";
}

std::string sentence(std::string text) {
    if (!text.empty() && text.back() != '.') {
        text += '.';
    }
    return text.empty() ? text : text + " ";
}

std::string entry(const std::string& key, const Json& rule);

std::string entries(const Json& rule) {
    std::string text;
    const Json properties = rule.value("properties", Json::object());
    for (const auto& [key, sub] : properties.items()) {
        text += entry(key, sub);
    }
    return text;
}

/// One key with what it takes, its default, and the keys below it.
std::string entry(const std::string& key, const Json& rule) {
    std::string line = sentence(text_of(rule, "description")) + kind_of(rule);
    if (rule.contains("default") && !rule["default"].is_structured()) {
        line += fmt::format(" Default: {}.", rule["default"].is_string() ? rule["default"].get<std::string>()
                                                                         : rule["default"].dump());
    }
    std::string text = fmt::format(".TP\n\\fB{}\\fR\n{}\n", troff_escape(key), troff_escape(line));
    const Json items = rule.value("items", Json::object());
    for (const Json* below : {&rule, &items}) {
        if (const std::string more = below->is_object() ? entries(*below) : ""; !more.empty()) {
            text += ".RS\n" + more + ".RE\n";
        }
    }
    return text;
}

constexpr const char* example =
    "name: debian13\nos: debian13\ninstaller: {archive: trixie}\nmachine: {memory: 1536M, vcpus: 2, disk: "
    "10G}\nstages:\n  - install: {}\n"
    "  - customize: {packages: [vim]}\n  - sysprep: {}\n  - audit: {}\n  - compact: {compress: zstd}\n  - "
    "publish: {keep: 3}\n";

}  // namespace

std::string recipe_page(const Json& schema) {
    std::string page =
        fmt::format(".TH IMGFORGE.RECIPE 5 \"\" \"imgforge {}\" \"File Formats\"\n", IMGFORGE_VERSION);
    page += ".SH NAME\nimgforge.recipe \\- how a golden image is made\n.SH DESCRIPTION\n";
    page += troff_escape(
        "A recipe is a YAML file, usually NAME.recipe. Unknown keys are errors. imgforge validate tells "
        "every fault at once with line and "
        "column, imgforge schema prints the JSON Schema this page is made from, imgforge build RECIPE --plan "
        "shows what would run.\n");
    page += ".PP\n.nf\n.RS\n" + troff_escape(example) + ".RE\n.fi\n.SH KEYS\n";
    const Json properties = schema.value("properties", Json::object());
    for (const auto& [key, rule] : properties.items()) {
        page += key == "stages" ? fmt::format(".TP\n\\fBstages\\fR\n{}\n",
                                              troff_escape(sentence(text_of(rule, "description")) +
                                                           "A list; each item is one TYPE: {OPTIONS}."))
                                : entry(key, rule);
    }
    page += ".SH STAGES\n" +
            troff_escape("A second stage of one type gets the name TYPE-2, or name: in its options.") + "\n";
    const Json types = properties.value("stages", Json::object())
                           .value("items", Json::object())
                           .value("properties", Json::object());
    for (const auto& [type, rule] : types.items()) {
        page += fmt::format(".SS {}\n{}\n{}", troff_escape(type),
                            troff_escape(sentence(text_of(rule, "description"))), entries(rule));
    }
    page += ".SH SETTING VALUES FROM OUTSIDE\n" +
            troff_escape(
                "imgforge build RECIPE --set machine.memory=2G --set stages.customize.packages=[vim,git]: "
                "applied before the recipe "
                "is checked; values are read as YAML, file names are relative to the current folder.\n");
    return page +
           ".SH SEE ALSO\n.BR imgforge\\-build (1),\n.BR imgforge\\-validate (1),\n.BR imgforge\\-schema "
           "(1)\n";
}

}  // namespace imgforge::cli
