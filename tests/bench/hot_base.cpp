// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/strict_yaml.hpp"

namespace imgforge {
namespace {

std::string recipe_of(std::int64_t stages) {
    std::string text = "name: bench\nos: debian13\nstages:\n";
    for (std::int64_t i = 0; i < stages; ++i) {
        text += fmt::format("  - customize: {{packages: [vim, tmux], run: [\"echo {}\"]}}\n", i);
    }
    return text;
}

void parse_recipe(benchmark::State& state) {
    const std::string text = recipe_of(state.range(0));
    for (auto _ : state) {
        Diagnostics diagnostics;
        benchmark::DoNotOptimize(parse_yaml(text, "bench.recipe", diagnostics));
    }
    state.SetComplexityN(state.range(0));
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(text.size()));
}
BENCHMARK(parse_recipe)->RangeMultiplier(8)->Range(8, 4096)->Complexity();

void redact_log_line(benchmark::State& state) {
    const std::string line =
        "run: qemu-img create -f qcow2 -b /var/lib/imgforge/images/debian13/3/disk.qcow2 -F qcow2 disk.qcow2";
    for (auto _ : state) {
        benchmark::DoNotOptimize(redact(line));
    }
}
BENCHMARK(redact_log_line);

void sha256_throughput(benchmark::State& state) {
    const std::string block(1U << 20U, 'x');
    for (auto _ : state) {
        benchmark::DoNotOptimize(sha256_hex(block));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(block.size()));
}
BENCHMARK(sha256_throughput);

}  // namespace
}  // namespace imgforge
