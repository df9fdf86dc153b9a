// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/manual.hpp"
#include "builder/cli/schema_manual.hpp"

namespace imgforge::cli {
namespace {

constexpr const char* settings_example =
    "network: bridge=br0\nsizes:\n  huge: {memory: 16G, vcpus: 8, disk: 100G}\nhosts:\n"
    "  lab1: {connection: qemu+ssh://lab1/system, pool: imgforge}\nbudget: {memory: 6G, cpus: 4}\n"
    "notify: {command: [mail, -s, imgforge, root], on: [failure]}\n";

/// "# text" in lines of at most 100 columns, indented.
std::string comment(std::string_view text, const std::string& indent) {
    std::string lines;
    std::string line = indent + "#";
    while (!text.empty()) {
        const std::size_t space = std::min(text.find_first_of(" \n"), text.size());
        const std::string_view word = text.substr(0, space);
        if (line.size() + 1 + word.size() > 100) {
            lines += line + "\n";
            line = indent + "#";
        }
        line += fmt::format(" {}", word);
        text.remove_prefix(std::min(space + 1, text.size()));
    }
    return lines + line + "\n";
}

/// One key and the keys below it, all commented out: "#memory: 8G".
std::string commented(const std::string& key, const Json& rule, const std::string& indent) {
    std::string text = comment(rule.value("description", ""), indent);
    if (rule.contains("properties")) {
        text += fmt::format("#{}{}:\n", indent, key);
        for (const auto& [inner, inner_rule] : rule.at("properties").items()) {
            text += commented(inner, inner_rule, indent + "  ");
        }
        return text;
    }
    const std::string value = rule.contains("default") ? " " + rule.at("default").dump() : "";
    return text + fmt::format("#{}{}:{}\n", indent, key, value);
}

}  // namespace

std::string settings_file(const Json& schema) {
    std::string text =
        "# Settings of imgforge on this host: man imgforge.config. Every key is optional; remove the '#' in\n"
        "# front of a key and of the keys above it. ~/.config/imgforge/config.yaml takes precedence.\n";
    for (const auto& [key, rule] : schema.at("properties").items()) {
        text += "\n" + commented(key, rule, "");
    }
    return text;
}

std::string settings_page(const Json& schema) {
    return manual_page(
        {.name = "config",
         .summary = "settings of imgforge on this host",
         .text =
             "Both files are YAML and optional. The user's file takes precedence over the system's: mappings "
             "are merged key by key, lists are replaced. Unknown keys and invalid values are errors of "
             "every command, with file, line and column, and exit code 3.",
         .example = settings_example,
         .keys = schema_entries(schema),
         .more =
             ".SH FILES\n.TP\n.I /etc/imgforge/config.yaml\nFor all users.\n.TP\n.I "
             "$XDG_CONFIG_HOME/imgforge/config.yaml\nelse ~/.config/imgforge/config.yaml: for this user.\n",
         .see = {{"imgforge", 1}, {"imgforge.recipe", 5}}});
}

}  // namespace imgforge::cli
