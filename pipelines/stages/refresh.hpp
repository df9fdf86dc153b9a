// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <optional>
#include <string>
#include <vector>

#include "builder/base/error.hpp"
#include "pipelines/engine/build.hpp"
#include "pipelines/engine/stage_data.hpp"
#include "pipelines/stages/mirror_state.hpp"
#include "pipelines/stages/refresh_budget.hpp"
#include "pipelines/stages/refresh_decision.hpp"

namespace imgforge::stages {

/// Name of the customize stage that a refresh puts before sysprep.
inline constexpr const char* update_stage = "refresh-updates";

struct RefreshOptions {
    std::vector<std::string> images{};  ///< names; empty: all that have a recipe
    bool force = false;                 ///< look for updates whatever the age
    bool dry_run = false;               ///< decide and explain only
    std::optional<int> jobs{};          ///< in parallel, at most
};

/// What a refresh takes from outside of this host. Tests have a world of their own.
class RefreshWorld {
public:
    virtual ~RefreshWorld() = default;
    /// What recipes may use: all stage types.
    virtual std::vector<const engine::StageType*> types() const;
    /// A text from a mirror, as FetchText; here by libcurl. Called from several threads.
    virtual std::optional<std::string> fetch(const std::string& url) const;
};

/// What became of one image.
struct RefreshResult {
    std::string image;
    RefreshAction action = RefreshAction::nothing;
    std::string reason;  ///< why this action
    RefreshOutcome outcome = RefreshOutcome::planned;
    int before = 0;  ///< generation in service before; 0: none
    int after = 0;   ///< and afterwards
    double seconds = 0;
    std::string error{};            ///< of a failure, all its lines
    Failure kind = Failure::tool;   ///< of a failure
    JobNeed cost{};                 ///< what it takes of the host while it runs
    std::string run_folder{};       ///< where its log is
    Json changes = Json::object();  ///< the images diff record, when something was published
    std::string changes_text{};
};

/// The nightly job: decides for each image, runs what is due in parallel within the budget of settings, and
/// settles what it remembers. One image's failure does not stop the others. Throws Failure::usage for names
/// that are not images. `users` as in engine::build().
std::vector<RefreshResult> refresh(const RefreshOptions& options, const Host& host,
                                   const engine::DiskUsers* users = nullptr,
                                   const RefreshWorld& world = RefreshWorld());

/// The recipe with a stage of package updates before its sysprep (or, without one, before audit, compact or
/// publish). Pure.
Json with_updates(const Json& recipe_root);

}  // namespace imgforge::stages
