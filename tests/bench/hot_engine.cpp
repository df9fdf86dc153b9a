// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>

#include "builder/base/error.hpp"
#include "pipelines/engine/fingerprint.hpp"
#include "pipelines/engine/recipe.hpp"
#include "pipelines/stages/registry.hpp"

namespace imgforge::engine {
namespace {

std::string recipe_of(std::int64_t stages) {
    std::string text = "name: bench\nos: debian13\nstages:\n";
    for (std::int64_t i = 0; i < stages; ++i) {
        text +=
            fmt::format("  - customize: {{packages: [vim, tmux], timezone: UTC, run: [\"echo {}\"]}}\n", i);
    }
    return text;
}

Recipe checked(const std::string& text) {
    LoadedRecipe loaded = parse_recipe(text, "/bench.recipe", {.types = stages::all_stage_types()});
    loaded.diagnostics.throw_if_errors();
    return std::move(*loaded.recipe);
}

void check_recipe(benchmark::State& state) {
    const std::string text = recipe_of(state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(checked(text));
    }
    state.SetComplexityN(state.range(0));
}
BENCHMARK(check_recipe)->RangeMultiplier(8)->Range(1, 512)->Complexity()->Unit(benchmark::kMillisecond);

void fingerprint_stages(benchmark::State& state) {
    const Recipe recipe = checked(recipe_of(state.range(0)));
    for (auto _ : state) {
        benchmark::DoNotOptimize(identify(recipe));
    }
    state.SetComplexityN(state.range(0));
}
BENCHMARK(fingerprint_stages)->RangeMultiplier(8)->Range(1, 512)->Complexity()->Unit(benchmark::kMicrosecond);

}  // namespace
}  // namespace imgforge::engine
