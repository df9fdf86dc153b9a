// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/layer_chain.hpp"

#include "builder/base/random.hpp"

namespace imgforge::engine {

Layer LayerChain::next(const StageTask& task, StageResult result, double seconds, std::int64_t now) const {
    Layer layer{.fingerprint = task.fingerprint,
                .id = random_hex(8),
                .type = task.type,
                .folder = {},
                .created = now};
    layer.seconds = seconds;
    layer.previous = input_.fingerprints.empty() ? std::string() : input_.fingerprints.back();
    layer.previous_id = previous_id_;
    layer.backing_id = !result.disk.empty() && !result.standalone ? disk_id_ : std::string();
    layer.result = std::move(result);
    return layer;
}

void LayerChain::take_over(const RecipeStage& stage, const Layer& layer) {
    if (!layer.result.disk.empty()) {
        input_.disk = layer.result.disk;
        disk_id_ = layer.id;
    }
    for (const auto& [role, path] : layer.result.files) {
        input_.files[role] = path;
    }
    input_.facts.update(layer.result.facts);
    input_.fingerprints.push_back(layer.fingerprint);
    input_.stages.push_back({.name = stage.name, .type = stage.type, .fingerprint = layer.fingerprint});
    previous_id_ = layer.id;
}

}  // namespace imgforge::engine
