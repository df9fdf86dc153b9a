// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/planning.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/compose/secrets.hpp"
#include "pipelines/engine/fingerprint.hpp"
#include "pipelines/engine/layer.hpp"

namespace fs = std::filesystem;

namespace imgforge::engine {

std::vector<PlannedStage> plan_now(Recipe& recipe, const BuildOptions& options, const Host& host,
                                   Journal& journal) {
    recipe.facts.digest_of = [&journal](const fs::path& file) { return journal.digest(file); };
    recipe.facts.secret_digest = [&](const std::string& name) {
        if (!recipe.facts.secrets) {
            throw Error(Failure::recipe, fmt::format("the recipe has no secret '{}'", name));
        }
        return recipe.facts.secrets->digest(name, compose::digest_key(host.places.keys()));
    };
    const std::vector<StageIdentity> identities = identify(recipe);
    recipe.facts.digest_of = {};
    recipe.facts.secret_digest = {};
    std::set<std::string> fingerprints;
    for (const StageIdentity& one : identities) {
        fingerprints.insert(one.fingerprint);
    }
    PlanIndex index{.layers = LayerStore(host.places).find(fingerprints),
                    .history = journal.history(recipe.facts.name)};
    index.now = host.clock->wall_seconds();
    for (std::size_t i = 0; i < identities.size(); ++i) {
        const auto layer = index.layers.find(identities[i].fingerprint);
        std::string reason;
        if (layer != index.layers.end() &&
            !recipe.stages[i].handler->still_valid(layer->second.result, host, reason)) {
            index.invalid[identities[i].fingerprint] =
                reason.empty() ? "its cached result can no longer serve" : reason;
        }
    }
    const PlanOptions how{.fresh = options.fresh,
                          .from = options.from,
                          .until = options.until,
                          .max_age = options.max_age ? options.max_age : recipe.max_age};
    return make_plan(identities, index, how);
}

std::set<std::string> reused_fingerprints(const std::vector<PlannedStage>& plan) {
    std::set<std::string> reused;
    for (const PlannedStage& stage : plan) {
        if (stage.verdict == PlannedStage::Verdict::reuse) {
            reused.insert(stage.fingerprint);
        }
    }
    return reused;
}

StageTask planned_task(const Recipe& recipe, std::size_t i, const PlannedStage& plan) {
    const RecipeStage& stage = recipe.stages[i];
    StageTask task{
        .name = stage.name, .type = stage.type, .options = stage.options, .fingerprint = plan.fingerprint};
    for (std::size_t after = i + 1; after < recipe.stages.size(); ++after) {
        task.later.push_back(recipe.stages[after].type);
    }
    task.recipe = &recipe.facts;
    task.expected_seconds = plan.expected_seconds;
    return task;
}

std::size_t group_end(const Recipe& recipe, const std::vector<BuiltStage>& stages, std::size_t i) {
    const std::string_view group = recipe.stages[i].handler->group();
    std::size_t end = i + 1;
    while (!group.empty() && end < stages.size() && stages[end].plan.verdict == PlannedStage::Verdict::run &&
           recipe.stages[end].handler->group() == group) {
        ++end;
    }
    return end;
}

std::string stage_place(const Recipe& recipe, std::size_t i) {
    const RecipeStage& stage = recipe.stages[i];
    const std::string file =
        recipe.facts.file.empty() ? std::string("recipe") : recipe.facts.file.filename().string();
    return fmt::format("stage '{}' ({}:{})", stage.name, file, stage.place.line);
}

}  // namespace imgforge::engine
