// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "pipelines/engine/layer.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/engine/stage_data.hpp"

namespace imgforge::engine {

/// The layers of the stages so far, each standing on the one before.
class LayerChain {
public:
    /// What the next stage gets.
    const StageInput& input() const { return input_; }
    /// Layer id of the stage before; empty: none.
    const std::string& previous_id() const { return previous_id_; }

    /// The next layer, from what its stage made; complete but for what LayerStore::seal() adds.
    Layer next(const StageTask& task, StageResult result, double seconds, std::int64_t now) const;
    /// The stage's layer is part of this build from now on: later stages stand on it.
    void take_over(const RecipeStage& stage, const Layer& layer);

private:
    StageInput input_;
    std::string previous_id_;
    std::string disk_id_;  ///< layer id of input_.disk
};

}  // namespace imgforge::engine
