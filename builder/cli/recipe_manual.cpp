// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include "builder/cli/manual.hpp"
#include "builder/cli/schema_manual.hpp"

namespace imgforge::cli {
namespace {

constexpr const char* example =
    "name: debian13\nos: debian13\ninstaller: {archive: trixie}\nmachine: {memory: 1536M, vcpus: 2, disk: "
    "10G}\nstages:\n  - install: {}\n"
    "  - customize: {packages: [vim]}\n  - sysprep: {}\n  - audit: {}\n  - compact: {compress: zstd}\n  - "
    "publish: {keep: 3}\n";

/// The keys; those of the stages have a section of their own.
std::string recipe_keys(const Json& properties) {
    std::string keys;
    for (const auto& [key, rule] : properties.items()) {
        keys += key == "stages"
                    ? fmt::format(".TP\n\\fBstages\\fR\n{}\n",
                                  troff_escape(described(rule) + "A list; each item is one TYPE: {OPTIONS}."))
                    : schema_entry(key, rule);
    }
    return keys;
}

std::string stage_sections(const Json& properties) {
    std::string text =
        ".SH STAGES\n" +
        troff_escape("A second stage of the same type is called TYPE-2, unless its options have a name:.") +
        "\n";
    const Json types = properties.value("stages", Json::object())
                           .value("items", Json::object())
                           .value("properties", Json::object());
    for (const auto& [type, rule] : types.items()) {
        text += fmt::format(".SS {}\n{}\n{}", troff_escape(type), troff_escape(described(rule)),
                            schema_entries(rule));
    }
    text += ".SH SETTING VALUES FROM OUTSIDE\n" +
            troff_escape(
                "imgforge build RECIPE --set machine.memory=2G --set stages.customize.packages=[vim,git]: "
                "applied before the recipe "
                "is checked; values are read as YAML, file names are relative to the current directory.\n");
    return text;
}

}  // namespace

std::string recipe_page(const Json& schema) {
    const Json properties = schema.value("properties", Json::object());
    return manual_page(
        {.name = "recipe",
         .summary = "how a golden image is made",
         .text =
             "A recipe is a YAML file, usually NAME.recipe. Unknown keys are errors. imgforge validate "
             "reports all errors at once, with line and column, imgforge schema prints the JSON Schema this "
             "page is made from, imgforge build RECIPE --plan shows what would run.",
         .example = example,
         .keys = recipe_keys(properties),
         .more = stage_sections(properties),
         .see = {{"imgforge-build", 1}, {"imgforge-validate", 1}, {"imgforge-schema", 1}}});
}

}  // namespace imgforge::cli
