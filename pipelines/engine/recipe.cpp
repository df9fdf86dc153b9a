// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/recipe.hpp"
#include "pipelines/engine/trust_rules.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/clock.hpp"
#include "builder/base/error.hpp"
#include "builder/base/json_schema.hpp"
#include "pipelines/compose/references.hpp"
#include "pipelines/compose/secrets.hpp"
#include "pipelines/engine/recipe_values.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {
namespace {

const StageType* find_type(const RecipeRules& rules, std::string_view name) {
    const auto found = std::find_if(rules.types.begin(), rules.types.end(),
                                    [&](const StageType* type) { return type->name() == name; });
    return found != rules.types.end() ? *found : nullptr;
}

/// `- audit:` and `machine:` without anything mean an empty map.
void empty_maps(Json& root) {
    for (const char* const key : {"installer", "machine", "vars", "secrets"}) {
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
        fault("archive",
              "'iso' and 'archive' are mutually exclusive: the installer ISO is either given or assembled");
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

    /// The schema for everything, then what needs a sound tree: a stage with errors of its own is not checked
    /// further.
    void check() {
        Json& root = recipe_.document.root;
        if (root.is_object()) {
            empty_maps(root);
        }
        if (has_too_many_stages(root)) {
            return;
        }
        check_schema(recipe_.document, "", root, schema_, diagnostics_);
        if (!root.is_object()) {
            return;
        }
        check_secret_use(recipe_.document, schema_, diagnostics_);
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
        take_secrets();
        if (root.contains("stages") && root["stages"].is_array()) {
            check_stages(root["stages"]);
        }
    }

    Recipe take() { return std::move(recipe_); }

private:
    /// Checked first: the others compare stages with each other, which takes minutes for tens of thousands.
    bool has_too_many_stages(const Json& root) {
        constexpr std::size_t limit = 1000;
        const auto stages = root.is_object() ? root.find("stages") : root.end();
        if (stages == root.end() || !stages->is_array() || stages->size() <= limit) {
            return false;
        }
        diagnostics_.add(recipe_.document.at(
            "/stages",
            fmt::format("the recipe has {} stages; at most {} are possible", stages->size(), limit)));
        return true;
    }

    void take_secrets() {
        const Json& root = recipe_.document.root;
        compose::check_secrets(recipe_.document, diagnostics_);
        if (root.contains("secrets") && sound("/secrets")) {
            recipe_.facts.secrets =
                std::make_shared<compose::SecretSet>(recipe_.document, recipe_.facts.folder);
            recipe_.facts.used_secrets = compose::secrets_in(
                Json::array({root.value("machine", Json::object()), root.value("stages", Json::array())}));
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
        check_order();
    }

    /// Stages that can only fail where they stand, or whose work would be lost.
    void check_order() {
        const auto fault = [&](const RecipeStage& stage, std::string message, std::string hint) {
            diagnostics_.add(recipe_.document.at(stage.pointer, std::move(message), std::move(hint), true));
        };
        const std::vector<RecipeStage>& stages = recipe_.stages;
        for (auto stage = stages.begin(); stage != stages.end(); ++stage) {
            const auto gives = [&](const RecipeStage& other) {
                return other.handler->gives() == stage->handler->needs();
            };
            if (!stage->handler->needs().empty() && std::none_of(stages.begin(), stage, gives)) {
                const auto later = std::find_if(stage, stages.end(), gives);
                fault(*stage,
                      fmt::format("'{}' needs a {}, and no stage before it makes one", stage->name,
                                  stage->handler->needs()),
                      later != stages.end() ? fmt::format("put it after '{}'", later->name)
                                            : "put `- publish:` before it");
                continue;
            }
            const auto afresh = std::find_if(
                stage, stages.end(), [](const RecipeStage& other) { return other.handler->starts_afresh(); });
            if (stage->handler->works_on_disk() && afresh != stages.end()) {
                fault(*stage,
                      fmt::format("'{}' stands before '{}', which makes the disk", stage->name, afresh->name),
                      fmt::format("put it after '{}'", afresh->name));
            }
        }
    }

    const RecipeRules& rules_;
    Diagnostics& diagnostics_;
    Json schema_;
    Recipe recipe_;
};

}  // namespace

Recipe check_recipe(YamlDocument document, const fs::path& file, const RecipeRules& rules,
                    Diagnostics& diagnostics) {
    Loader loader(std::move(document), file, rules, diagnostics);
    loader.check();
    return loader.take();
}

}  // namespace imgforge::engine
