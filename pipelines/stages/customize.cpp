// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <set>

#include "builder/base/file.hpp"
#include "builder/guest/guest_fs.hpp"
#include "pipelines/compose/references.hpp"
#include "pipelines/compose/secrets.hpp"
#include "pipelines/stages/offline_group.hpp"
#include "pipelines/stages/stage_types.hpp"
#include "pipelines/stages/uploaded_files.hpp"
#include "sysprep/customize/customize.hpp"

namespace imgforge::stages {

using engine::StageResult;
using engine::StageTask;

namespace {

void append(std::vector<std::string>& list, const std::vector<std::string>& more) {
    list.insert(list.end(), more.begin(), more.end());
}

/// The spec with secrets filled in: in files as their text, in run lines as a shell variable, so that a value
/// with quotes or a dollar sign is one word and no command is made of it.
sysprep::CustomizeSpec spec_with_secrets(const StageTask& task) {
    sysprep::CustomizeSpec spec = sysprep::customize_spec(task.options, task.recipe->folder);
    if (!task.recipe->secrets) {
        return spec;
    }
    const auto value = [&](const std::string& name) { return task.recipe->secrets->value(name); };
    for (auto& [path, content] : spec.write) {
        content = compose::with_secrets(content, value);
    }
    std::set<std::string> used;
    for (std::string& line : spec.run) {
        line = compose::with_secrets(line, [&](const std::string& name) {
            used.insert(name);
            return "${" + compose::secret_variable(name) + "}";
        });
    }
    for (const std::string& name : used) {
        spec.variables.emplace_back(compose::secret_variable(name), value(name));
    }
    return spec;
}

/// Files with a secret are not excused by having been written on purpose: the audit must find what stays.
void drop_secret_files(const Json& options, Json& paths) {
    const Json files = options.value("write", Json::object());
    for (const auto& file : files.items()) {
        const auto same = [&](const Json& path) { return path == guest::glob_quote(file.key()); };
        if (!compose::secrets_in(file.value()).empty()) {
            paths.erase(std::remove_if(paths.begin(), paths.end(), same), paths.end());
        }
    }
}

class CustomizeStage final : public OfflineStage {
public:
    std::string_view name() const override { return "customize"; }
    std::string_view summary() const override {
        return "change packages, files, users and settings and run commands, in this order, without booting "
               "the "
               "image";
    }
    int revision() const override { return 2; }
    bool changes_guest() const override { return true; }
    const Json& schema() const override { return sysprep::customize_schema(); }

    void check(const engine::RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override {
        for (const auto& [below, message] :
             sysprep::check_customize(sysprep::customize_spec(options, recipe.folder))) {
            diagnostics.add(document.at(pointer + below, message));
        }
    }

    std::vector<engine::Ingredient> ingredients(const engine::RecipeFacts& recipe,
                                                const Json& options) const override {
        std::vector<engine::Ingredient> list;
        const sysprep::CustomizeSpec spec = sysprep::customize_spec(options, recipe.folder);
        for (const auto& [host, path] : spec.upload) {
            add_uploaded(list, recipe, host, path);
        }
        for (const auto& script : spec.run_scripts) {
            list.push_back(engine::named_file_ingredient(script, recipe));
        }
        return list;
    }

    bool wants_network(const Json& options) const override {
        return sysprep::customize_spec(options, {}).network;
    }

    Json inside(StageTask& task, sysprep::OfflineSession& session) const override {
        const sysprep::CustomizeSpec spec = spec_with_secrets(task);
        // Logs of a failure must outlive the scratch directory.
        return sysprep::customize(session, spec, task.run_folder / (task.name + "-logs")).to_json();
    }

    StageResult outside(StageTask& task, const std::filesystem::path& layer,
                        const std::filesystem::path& /*needles_file*/, Json inside) const override {
        StageResult result;
        result.disk = layer.filename();
        write_file_atomically(task.scratch / "customize.json", pretty(inside), 0600);
        result.files.emplace("customize", "customize.json");
        // Several customize stages: what any of them put in on purpose is kept.
        Json paths = inside.at("paths");
        drop_secret_files(task.options, paths);
        engine::CustomizedFacts facts{.paths = paths, .passwords = inside.at("passwords")};
        const sysprep::CustomizeSpec spec = sysprep::customize_spec(task.options, task.recipe->folder);
        for (const sysprep::UserSpec& user : spec.users) {
            facts.users.push_back(user.name);
            if (user.sudo) {
                facts.sudo.push_back(user.name);
            }
        }
        facts.hostname = spec.hostname;
        if (const auto& earlier = task.input.facts.customized) {
            append(facts.paths, earlier->paths);
            append(facts.passwords, earlier->passwords);
            append(facts.users, earlier->users);
            append(facts.sudo, earlier->sudo);
            facts.hostname = facts.hostname.empty() ? earlier->hostname : facts.hostname;
        }
        result.facts.customized = std::move(facts);
        return result;
    }
};

}  // namespace

const engine::StageType& customize_stage() {
    static const CustomizeStage stage;
    return stage;
}

}  // namespace imgforge::stages
