// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <gmock/gmock.h>

#include <map>
#include <memory>
#include <string>
#include <vector>

#include "builder/base/temp_dir.hpp"
#include "pipelines/engine/build.hpp"
#include "tests/support/fake_clock.hpp"

namespace imgforge::engine::test {

// What nearly every test here matches with.
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::SizeIs;

/// What the fakes of one test share: how often each stage ran and what shall go wrong.
struct World {
    std::vector<std::string> ran{};          ///< stage names in order
    std::map<std::string, int> fail{};       ///< stage name -> how many times it fails
    std::map<std::string, int> interrupt{};  ///< stage name -> how many times Ctrl-C comes
    std::vector<std::string> undone{};
    std::vector<std::string> hooks{};  ///< "promote" / "quarantine"
    std::vector<std::string>
        refused{};  ///< fingerprint prefixes are not used: types whose cached result is refused
    std::vector<std::size_t> groups{};  ///< sizes of the groups run together
};

/// A stage whose disk is a text file: the disk below, plus one line of its own. Deterministic, so that the
/// final "disk" of two builds can be compared.
class FakeStage : public StageType {
public:
    FakeStage(std::string name, std::shared_ptr<World> world, std::string group = {}, bool standalone = false)
        : name_(std::move(name)),
          group_(std::move(group)),
          world_(std::move(world)),
          standalone_(standalone) {}

    std::string_view name() const override { return name_; }
    std::string_view summary() const override { return "a stage for tests"; }
    int revision() const override { return revision_; }
    const Json& schema() const override;
    void check(const RecipeFacts& recipe, const Json& options, const YamlDocument& document,
               const std::string& pointer, Diagnostics& diagnostics) const override;
    std::vector<Ingredient> ingredients(const RecipeFacts& recipe, const Json& options) const override;
    std::string_view group() const override { return group_; }
    bool still_valid(const StageResult& cached, const Host& host, std::string& reason) const override;
    StageResult run(StageTask& task) const override;
    void reused(StageTask& task, const StageResult& cached) const override;
    void run_group(std::span<StageTask> tasks, std::span<const StageType* const> types,
                   const Publish& publish) const override;

    int revision_ = 1;
    std::string tool_{};  ///< program whose identity counts; empty: none

protected:
    std::string name_;
    std::string group_;
    std::shared_ptr<World> world_;
    bool standalone_;
};

/// Proves and promotes: no disk, registers hooks.
class FakePublish final : public FakeStage {
public:
    using FakeStage::FakeStage;
    StageResult run(StageTask& task) const override;
    void reused(StageTask& task, const StageResult& cached) const override;

private:
    void register_hook(StageTask& task) const;
};

/// Every journal entry is flushed to the disk, which under load takes longer than all tests together: memory,
/// where there is one.
std::filesystem::path fast_folder();

/// A home in a temp directory, eight stages "one" … "seven" and "publish", and a recipe that uses them.
class Workshop {
public:
    Workshop();
    RecipeRules rules() const;
    Host host();
    std::string recipe_text() const;
    Recipe recipe(const std::vector<Override>& overrides = {}) const;
    Recipe recipe_from(const std::string& text) const;
    BuildReport build(const BuildOptions& options = {}, const std::vector<Override>& overrides = {},
                      BuildObserver* observer = nullptr);
    std::vector<PlannedStage> plan(const BuildOptions& options = {},
                                   const std::vector<Override>& overrides = {});
    FakeStage& type(const std::string& name) { return *types_.at(name); }

    std::shared_ptr<World> world = std::make_shared<World>();
    /// Options of a stage as the recipe writes them, "{password: x}"; --set refuses a secret.
    std::map<std::string, std::string> written{
        {"one", "{text: base}"}, {"two", "{}"}, {"three", "{count: 2}"}};
    TempDir home{"engine-test", fast_folder()};
    imgforge::test::FakeClock clock;
    RecordingMonitor monitor;
    SystemProcessRunner processes;
    Settings settings;

private:
    std::map<std::string, std::unique_ptr<FakeStage>> types_;
    std::vector<std::string> order_;
};

/// Calls a function at every journal transition.
class AtPoints final : public BuildObserver {
public:
    explicit AtPoints(std::function<void(std::string_view)> action) : action_(std::move(action)) {}
    void reached(std::string_view point) override { action_(point); }

private:
    std::function<void(std::string_view)> action_;
};

/// Names of the planned stages that run.
std::vector<std::string> running(const std::vector<PlannedStage>& plan);
std::string disk_text(const BuildReport& report);

}  // namespace imgforge::engine::test
