// SPDX-License-Identifier: GPL-3.0-or-later
#include "tests/unit/engine/fake_stage.hpp"

#include <unistd.h>

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/interrupt.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine::test {

const Json& FakeStage::schema() const {
    static const Json schema = {
        {"type", "object"},
        {"additionalProperties", false},
        {"properties",
         {{"text", {{"type", "string"}, {"default", "plain"}, {"description", "what goes into the disk"}}},
          {"count",
           {{"type", "integer"},
            {"minimum", 1},
            {"maximum", 9},
            {"default", 1},
            {"description", "how often"}}},
          {"mode",
           {{"type", "string"}, {"enum", {"fast", "slow"}}, {"default", "fast"}, {"description", "how"}}},
          {"password", {{"type", "string"}, {"description", "a secret"}}},
          {"packages", {{"type", "array"}, {"items", {{"type", "string"}}}, {"description", "a list"}}},
          {"file",
           {{"type", "string"}, {"format", "path"}, {"description", "a file whose content counts"}}}}}};
    return schema;
}

void FakeStage::check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document,
                      const std::string& pointer, Diagnostics& diagnostics) const {
    if (options.contains("file") && !fs::exists(recipe.folder / options["file"].get<std::string>())) {
        diagnostics.add(document.at(pointer + "/file", "no such file"));
    }
}

std::vector<Ingredient> FakeStage::ingredients(const RecipeFacts& recipe, const Json& options) const {
    std::vector<Ingredient> list;
    if (options.contains("file")) {
        const std::string file = options["file"];
        list.push_back(named_file_ingredient(recipe.folder / file, recipe));
    }
    if (!tool_.empty()) {
        list.push_back(tool_ingredient(tool_));
    }
    return list;
}

bool FakeStage::still_valid(const StageResult&, const Host&, std::string& reason) const {
    reason = "refused by the test";
    return std::find(world_->refused.begin(), world_->refused.end(), name_) == world_->refused.end();
}

StageResult FakeStage::run(StageTask& task) const {
    task.on_undo("undo " + task.name, [world = world_, name = task.name] { world->undone.push_back(name); });
    const std::string below = task.input.disk ? read_file(*task.input.disk) : std::string();
    write_file_atomically(task.scratch / "disk",
                          below + fmt::format("{} {}\n", task.name, canonical(task.options)));
    if (world_->interrupt[task.name]-- > 0) {
        throw Interrupted();
    }
    if (world_->fail[task.name]-- > 0) {
        throw Error(Failure::guest, "the package 'nonsense' does not exist");
    }
    world_->ran.push_back(task.name);
    return {.disk = "disk", .standalone = standalone_};
}

void FakeStage::reused(StageTask&, const StageResult&) const {}

void FakeStage::run_group(std::span<StageTask> tasks, std::span<const StageType* const> types,
                          const Publish& publish) const {
    world_->groups.push_back(tasks.size());
    StageType::run_group(tasks, types, publish);
}

StageResult FakePublish::run(StageTask& task) const {
    FakeStage::run(task);
    fs::remove(task.scratch / "disk");
    write_file_atomically(task.scratch / "report", "ok");
    register_hook(task);
    return {
        .files = {{"report", "report"}},
        .facts = {.published = PublishedFacts{.image = "sample", .generation = 1, .disk = *task.input.disk}}};
}

void FakePublish::reused(StageTask& task, const StageResult&) const {
    register_hook(task);
}

void FakePublish::register_hook(StageTask& task) const {
    task.at_end("promote", [world = world_](const BuildEnd& end) {
        world->hooks.push_back(end.success ? "promote" : "quarantine: " + end.error);
    });
}

fs::path fast_folder() {
    std::error_code code;
    return fs::is_directory("/dev/shm", code) && ::access("/dev/shm", W_OK) == 0 ? fs::path("/dev/shm")
                                                                                 : fs::path();
}

Workshop::Workshop() {
    for (const char* const name : {"one", "two", "three", "four", "five", "six", "seven"}) {
        order_.push_back(name);
        const std::string group = order_.back() == "four" || order_.back() == "five" ? "appliance" : "";
        types_[name] = std::make_unique<FakeStage>(name, world, group, order_.back() == "six");
    }
    order_.push_back("publish");
    types_["publish"] = std::make_unique<FakePublish>("publish", world);
}

RecipeRules Workshop::rules() const {
    RecipeRules rules{.types = {}, .known_os = {"debian12", "debian13", "rocky9"}, .cwd = home.path()};
    for (const std::string& name : order_) {
        rules.types.push_back(types_.at(name).get());
    }
    return rules;
}

Host Workshop::host() {
    return {.places = {home.path() / "home"},
            .settings = settings,
            .processes = &processes,
            .clock = &clock,
            .monitor = &monitor};
}

std::string Workshop::recipe_text() const {
    std::string text = "name: sample\nos: debian13\nstages:\n";
    for (const char* const stage : {"one", "two", "three", "four", "five", "six", "publish", "seven"}) {
        const auto options = written.find(stage);
        text += fmt::format("  - {}:{}\n", stage, options == written.end() ? "" : " " + options->second);
    }
    return text;
}

Recipe Workshop::recipe(const std::vector<Override>& overrides) const {
    LoadedRecipe loaded = parse_recipe(recipe_text(), home.path() / "sample.recipe", rules(), overrides);
    loaded.diagnostics.throw_if_errors();
    return std::move(*loaded.recipe);
}

Recipe Workshop::recipe_from(const std::string& text) const {
    LoadedRecipe loaded = parse_recipe(text, home.path() / "sample.recipe", rules());
    loaded.diagnostics.throw_if_errors();
    return std::move(*loaded.recipe);
}

BuildReport Workshop::build(const BuildOptions& options, const std::vector<Override>& overrides,
                            BuildObserver* observer) {
    Recipe made = recipe(overrides);
    return engine::build(made, options, host(), nullptr, observer);
}

std::vector<PlannedStage> Workshop::plan(const BuildOptions& options,
                                         const std::vector<Override>& overrides) {
    Recipe made = recipe(overrides);
    return plan_build(made, options, host());
}

std::vector<std::string> running(const std::vector<PlannedStage>& plan) {
    std::vector<std::string> names;
    for (const PlannedStage& stage : plan) {
        if (stage.verdict == PlannedStage::Verdict::run) {
            names.push_back(stage.name);
        }
    }
    return names;
}

std::string disk_text(const BuildReport& report) {
    return report.disk ? read_file(*report.disk) : std::string();
}

}  // namespace imgforge::engine::test
