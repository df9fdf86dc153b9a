// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/recipe.hpp"
#include "pipelines/engine/trust_rules.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/suggestion.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

constexpr std::size_t recipe_bytes = 4U << 20U;

const StageType* find_type(const RecipeRules& rules, std::string_view name) {
    const auto found = std::find_if(rules.types.begin(), rules.types.end(),
                                    [&](const StageType* type) { return type->name() == name; });
    return found != rules.types.end() ? *found : nullptr;
}

/// `- audit:` and `machine:` without anything mean an empty map.
void empty_maps(Json& root) {
    for (const char* const key : {"installer", "machine"}) {
        if (root.contains(key) && root[key].is_null()) {
            root[key] = Json::object();
        }
    }
    if (!root.contains("stages") || !root["stages"].is_array()) {
        return;
    }
    for (Json& stage : root["stages"]) {
        if (stage.is_object() && stage.size() == 1 && stage.begin().value().is_null()) {
            stage.begin().value() = Json::object();
        }
    }
}

bool is_below(const std::string& pointer, const std::string& parent) {
    return pointer == parent ||
           (pointer.size() > parent.size() && pointer.compare(0, parent.size(), parent) == 0 &&
            pointer[parent.size()] == '/');
}

/// A fault in a value that came from --set is told at the option, not at a line of the file that is not at
/// fault.
Diagnostics at_their_origin(const Diagnostics& found, const std::vector<Override>& overrides,
                            const std::vector<std::string>& pointers) {
    Diagnostics told;
    for (Diagnostic fault : found.list()) {
        for (std::size_t i = 0; i < pointers.size(); ++i) {
            if (is_below(fault.pointer, pointers[i])) {
                fault.file = "--set " + overrides[i].key;
                fault.line = 0;
                fault.column = 0;
            }
        }
        told.add(std::move(fault));
    }
    told.sort();
    return told;
}

void check_installer(const YamlDocument& document, const Json& installer, const fs::path& folder,
                     Diagnostics& diagnostics) {
    const auto fault = [&](const char* key, std::string message) {
        diagnostics.add(document.at(fmt::format("/installer/{}", key), std::move(message), {}, true));
    };
    const auto needs = [&](const char* key, const char* other) {
        if (installer.contains(key) && !installer.contains(other)) {
            fault(key, fmt::format("'{}' needs '{}' as well", key, other));
        }
    };
    if (installer.contains("iso") && installer.contains("archive")) {
        fault("archive", "'iso' and 'archive' exclude each other: the medium is given, or it is made");
    }
    needs("packages", "archive");
    needs("sha256", "iso");
    needs("checksums", "iso");
    needs("signature", "iso");
    for (const auto& [key, message] : trust_faults(installer)) {
        fault(key.c_str(), message);
    }
    for (const char* const key : {"iso", "checksums", "signature", "keyring"}) {
        const std::string name = installer.value(key, "");
        std::error_code code;
        // A keyring may be the name of a publisher's, which the stage that uses it knows.
        const bool publisher =
            std::string_view(key) == "keyring" && name.find_first_of("/.") == std::string::npos;
        if (!name.empty() && !publisher && name.find("://") == std::string::npos &&
            !fs::exists(folder / name, code)) {
            diagnostics.add(document.at(fmt::format("/installer/{}", key),
                                        fmt::format("no such file: {}", (folder / name).string())));
        }
    }
}

class Loader {
public:
    Loader(YamlDocument document, const fs::path& file, const RecipeRules& rules, Diagnostics& diagnostics)
        : rules_(rules), diagnostics_(diagnostics), schema_(recipe_schema(rules.types, rules.known_os)) {
        recipe_.document = std::move(document);
        recipe_.facts.file = file;
        recipe_.facts.folder = file.empty() ? rules.cwd : fs::absolute(file).parent_path();
    }

    std::vector<std::string> apply(const std::vector<Override>& overrides) {
        empty_maps_if_map();
        const fs::path cwd = rules_.cwd.empty() ? fs::current_path() : rules_.cwd;
        for (const Override& one : overrides) {
            const bool secret = is_secret_key(one.key.substr(one.key.rfind('.') + 1));
            recipe_.facts.overrides.push_back(
                {{"key", one.key}, {"value", secret ? Json() : Json(one.value)}, {"cwd", cwd.string()}});
        }
        return apply_overrides(recipe_.document.root, overrides, schema_, cwd);
    }

    /// The schema for everything, then what needs a sound tree: a stage with faults of its own is not checked
    /// further.
    void check() {
        empty_maps_if_map();
        Json& root = recipe_.document.root;
        check_schema(recipe_.document, "", root, schema_, diagnostics_);
        if (!root.is_object()) {
            return;
        }
        recipe_.facts.name = text("name");
        recipe_.facts.os = text("os");
        recipe_.description = text("description");
        if (root.contains("max-age") && sound("/max-age")) {
            const Json& age = root["max-age"];
            recipe_.max_age = age.is_number() ? std::chrono::seconds(age.get<std::int64_t>())
                                              : parse_duration(age.get<std::string>());
        }
        if (sound("/installer")) {
            const Json installer = block("installer");
            recipe_.facts.installer = installer_source(installer);
            check_installer(recipe_.document, installer, recipe_.facts.folder, diagnostics_);
        }
        take_machine();
        if (root.contains("stages") && root["stages"].is_array()) {
            check_stages(root["stages"]);
        }
    }

    Recipe take() { return std::move(recipe_); }

private:
    void empty_maps_if_map() {
        if (recipe_.document.root.is_object()) {
            empty_maps(recipe_.document.root);
        }
    }

    bool sound(const std::string& pointer) const {
        return std::none_of(diagnostics_.list().begin(), diagnostics_.list().end(),
                            [&](const Diagnostic& d) { return is_below(d.pointer, pointer); });
    }

    std::string text(const char* key) const {
        const Json& root = recipe_.document.root;
        return root.contains(key) && root[key].is_string() ? root[key].get<std::string>() : std::string();
    }

    Json block(const char* key) const {
        const Json& root = recipe_.document.root;
        const Json given = root.contains(key) && root[key].is_object() ? root[key] : Json::object();
        return with_defaults(schema_["properties"][key], given);
    }

    void take_machine() {
        if (!sound("/machine")) {
            return;
        }
        try {
            recipe_.facts.machine = install_machine(block("machine"));
        } catch (const Error& error) {
            diagnostics_.add(recipe_.document.at("/machine", error.message()));  // a size beyond 64 bits
        }
    }

    void check_stages(const Json& stages) {
        const std::vector<std::string> names = stage_names(recipe_.document.root);
        std::set<std::string> taken;
        for (std::size_t i = 0; i < stages.size(); ++i) {
            const StageType* const type =
                names[i].empty() ? nullptr : find_type(rules_, stages[i].begin().key());
            if (type == nullptr) {
                continue;  // the schema check has said so
            }
            RecipeStage stage{.name = names[i],
                              .type = std::string(type->name()),
                              .options = stages[i].begin().value(),
                              .handler = type};
            stage.pointer = fmt::format("/stages/{}/{}", i, stage.type);
            stage.place = recipe_.document.key_position(stage.pointer);
            if (!taken.insert(stage.name).second) {
                diagnostics_.add(recipe_.document.at(stage.pointer + "/name",
                                                     fmt::format("two stages are named '{}'", stage.name)));
            }
            if (sound(stage.pointer)) {
                stage.options.erase("name");
                stage.options = with_defaults(type->schema(), std::move(stage.options));
                type->check(recipe_.facts, stage.options, recipe_.document, stage.pointer, diagnostics_);
            }
            recipe_.stages.push_back(std::move(stage));
        }
    }

    const RecipeRules& rules_;
    Diagnostics& diagnostics_;
    Json schema_;
    Recipe recipe_;
};

std::vector<std::string> recipes_in(const fs::path& folder) {
    std::vector<std::string> names;
    std::error_code code;
    for (const auto& entry : fs::directory_iterator(folder, code)) {
        if (entry.path().extension() == ".recipe") {
            names.push_back(entry.path().stem().string());
        }
    }
    std::sort(names.begin(), names.end());
    return names;
}

}  // namespace

LoadedRecipe parse_recipe(std::string_view text, const fs::path& file, const RecipeRules& rules,
                          const std::vector<Override>& overrides) {
    LoadedRecipe loaded;
    std::optional<YamlDocument> document =
        parse_yaml(text, file.string(), loaded.diagnostics, {.bytes = recipe_bytes});
    if (!document) {
        return loaded;
    }
    Loader loader(std::move(*document), file, rules, loaded.diagnostics);
    const std::vector<std::string> pointers = loader.apply(overrides);
    loader.check();
    loaded.diagnostics = at_their_origin(loaded.diagnostics, overrides, pointers);
    if (!loaded.diagnostics.has_errors()) {
        loaded.recipe = loader.take();
    }
    return loaded;
}

LoadedRecipe load_recipe(const fs::path& file, const RecipeRules& rules,
                         const std::vector<Override>& overrides) {
    return parse_recipe(read_file(file, recipe_bytes), file, rules, overrides);
}

fs::path find_recipe(const std::string& name, const fs::path& shipped) {
    std::error_code code;
    for (const fs::path& folder : {fs::path(), shipped}) {
        for (const std::string& candidate : {name, name + ".recipe"}) {
            const fs::path file = folder / candidate;
            const fs::file_status status = fs::status(file, code);
            if (code == std::errc::too_many_symbolic_link_levels || code == std::errc::permission_denied) {
                throw system_error("open", file.string(), code.value());
            }
            // A folder named like a shipped recipe must not hide it.
            if (fs::exists(status) && !fs::is_directory(status)) {
                return file;
            }
        }
    }
    if (fs::is_directory(name, code)) {
        throw Error(Failure::usage, fmt::format("{} is a folder, not a recipe", name),
                    "name the .recipe file in it");
    }
    const std::vector<std::string> known = recipes_in(shipped);
    const std::string word = fs::path(name).stem().string();
    throw Error(Failure::usage, fmt::format("no recipe '{}'{}", name, did_you_mean(word, known)),
                known.empty() ? std::string() : fmt::format("shipped recipes: {}", fmt::join(known, ", ")));
}

}  // namespace imgforge::engine
