// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/compose/secrets.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/engine/source_schema.hpp"

namespace imgforge::engine {
namespace {

constexpr const char* size_pattern = "^[0-9]+(\\.[0-9]+)? ?[KMGTP](i?B)?$";
constexpr const char* duration_pattern = "^[0-9]+ ?[smhdw]?$";

Json text(const char* description) {
    return {{"type", "string"}, {"description", description}, {"minLength", 1}};
}

Json size(const char* description) {
    return {{"type", "string"},
            {"description", description},
            {"pattern", size_pattern},
            {"x-message", "must be a size with its unit such as 1536M or 10G"}};
}

Json installer_schema() {
    Json properties = verification_properties();
    properties.update(
        {{"iso",
          path_schema("Installer ISO: a path (relative to the recipe) or an http, https, ftp or file URL")},
         {"archive",
          {{"type", "string"},
           {"description",
            "Instead of iso: the Debian suite to assemble an offline installer ISO from, with the archive "
            "this host's apt uses"},
           {"pattern", "^[a-z][a-z0-9-]*$"},
           {"x-message", "must be the code name of a Debian release, such as trixie"}}},
         {"checksums", path_schema("Path or URL of a SHA256SUMS or SHA512SUMS file that lists the ISO")},
         {"signature", path_schema("Path or URL of the detached OpenPGP signature of the checksums file or, "
                                   "without checksums, of the ISO itself")},
         {"packages",
          {{"type", "array"},
           {"description", "Additional packages to put on an ISO made from the archive"},
           {"items", {{"type", "string"}, {"minLength", 1}}},
           {"uniqueItems", true}}}});
    return {{"type", "object"},
            {"description", "The installer ISO, and how it is verified"},
            {"additionalProperties", false},
            {"properties", properties}};
}

Json machine_schema() {
    return {
        {"type", "object"},
        {"description", "The virtual machine the installation runs in"},
        {"additionalProperties", false},
        {"default", Json::object()},
        {"properties",
         {{"memory",
           size("Memory during installation; default: what the distribution wants, 1536M for Debian")},
          {"vcpus",
           {{"type", "integer"},
            {"description", "Virtual processors during installation"},
            {"minimum", 1},
            {"maximum", 256},
            {"default", 2}}},
          {"disk", size("Virtual size of the disk; default: 10G, or more where the distribution wants it")},
          {"firmware",
           {{"type", "string"},
            {"description", "Firmware of the machine"},
            {"enum", {"bios", "uefi"}},
            {"default", "bios"}}},
          {"thick",
           {{"type", "boolean"}, {"description", "Allocate the whole disk at once"}, {"default", false}}},
          {"passphrase",
           {{"type", "string"},
            {"description", "Secret that opens the disk's encrypted volumes, ${secrets.NAME}"},
            {"x-secrets", true},
            {"pattern", R"(^\$\{secrets\.[^{}]+\}$)"},
            {"x-message", "must be ${secrets.NAME}, the name of a secret that `secrets:` defines"}}}}}};
}

/// The options of one stage type; `name` is the engine's, and no options at all is an empty map.
Json options_schema(const StageType& type) {
    Json schema = type.schema();
    schema["description"] = std::string(type.summary());
    schema["properties"]["name"] = {{"type", "string"},
                                    {"description", "Name of the stage, if a recipe has several of one type"},
                                    {"pattern", "^[a-z][a-z0-9-]*$"},
                                    {"x-message", "must be small letters, digits and dashes"}};
    return schema;
}

Json stages_schema(const std::vector<const StageType*>& types) {
    Json properties = Json::object();
    for (const StageType* type : types) {
        properties[std::string(type->name())] = options_schema(*type);
    }
    return {{"type", "array"},
            {"description", "The stages, in the order in which they run"},
            {"minItems", 1},
            {"items",
             {{"type", "object"},
              {"minProperties", 1},
              {"maxProperties", 1},
              {"x-kind", "stage type"},
              {"x-message", "a stage is one 'type: {options}'; start each with '-'"},
              {"additionalProperties", false},
              {"properties", properties}}}};
}

}  // namespace

Json recipe_schema(const std::vector<const StageType*>& types, const std::vector<std::string>& known_os) {
    Json os = text("The operating system: an entry of the templates");
    if (!known_os.empty()) {
        os["enum"] = known_os;
    }
    const Json name = {
        {"type", "string"},
        {"description", "Name of the golden image"},
        {"pattern", "^[a-z0-9][a-z0-9._-]{0,62}$"},
        {"x-message", "must be small letters, digits, dots, dashes and underscores, at most 63"}};
    const Json max_age = {{"type", {"string", "integer"}},
                          {"description", "Cached results older than this are rebuilt: 12h, 7d, 2w"},
                          {"pattern", duration_pattern},
                          {"x-message", "must be a duration such as 12h or 7d"},
                          {"minimum", 0}};
    const Json variables = {
        {"type", "object"},
        {"description", "Variables: ${name} anywhere in the recipe is replaced by the value"},
        {"propertyNames",
         {{"pattern", "^[A-Za-z_][A-Za-z0-9_-]*$"},
          {"x-message", "must be letters, digits, '_' and '-', starting with a letter"}}}};
    const Json matrix = {
        {"type", {"object", "array"}},
        {"description", "One image per combination: variables with lists of values, or a list of maps"}};
    return {
        {"$schema", "http://json-schema.org/draft-07/schema#"},
        {"title", "imgforge recipe"},
        {"type", "object"},
        {"additionalProperties", false},
        {"required", {"name", "os", "stages"}},
        {"patternProperties", {{"^x-", {{"description", "Free for anchors; ignored"}}}}},
        {"properties",
         {{"name", name},
          {"extends", path_schema("Recipe that this one extends: a name, or a file relative to this recipe")},
          {"vars", variables},
          {"matrix", matrix},
          {"secrets", compose::secrets_schema()},
          {"os", os},
          {"description", {{"type", "string"}, {"description", "One line of free text"}}},
          {"max-age", max_age},
          {"installer", installer_schema()},
          {"machine", machine_schema()},
          {"stages", stages_schema(types)}}}};
}

}  // namespace imgforge::engine
