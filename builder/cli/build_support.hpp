// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "builder/cli/command.hpp"
#include "pipelines/engine/build.hpp"

namespace imgforge::cli {

/// What recipes are checked against: all stage types, the operating systems of templates/, the working
/// directory.
engine::RecipeRules recipe_rules();

/// The same with the files of --vars.
engine::RecipeRules recipe_rules(const Arguments& arguments);

/// --set options, read.
std::vector<engine::Override> recipe_overrides(const Arguments& arguments);

/// `--set KEY=VALUE` and `--vars FILE` of commands that read a recipe without building it.
Option set_option();
Option vars_option();

/// All images of the recipe RECIPE with --set and --vars applied. Throws Failure::recipe with every error;
/// warnings go to the monitor.
std::vector<engine::Recipe> load_all(const Arguments& arguments, const CommandContext& context);

/// The file of a recipe given by path or by the name of a shipped one.
std::filesystem::path recipe_file(const std::string& name);

/// Keeps cached layers that a machine's disk stands on, by the machines' records.
class MachineDisks final : public engine::DiskUsers {
public:
    explicit MachineDisks(const Host& host) : places_(host.places) {}
    bool in_use(const std::filesystem::path& disk) const override;

private:
    Places places_;
};

}  // namespace imgforge::cli
