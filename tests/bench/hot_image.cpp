// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>

#include <filesystem>
#include <string>

#include "builder/base/temp_dir.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/overlay.hpp"
#include "builder/image/qcow2_header.hpp"

namespace imgforge::image {
namespace {

namespace fs = std::filesystem;

/// An empty disk with so many overlays on it; the top one.
fs::path chain_in(const fs::path& folder, std::int64_t overlays) {
    fs::path top = folder / "base.qcow2";
    create_empty_qcow2(top, ByteSize::gib(10));
    for (std::int64_t i = 0; i < overlays; ++i) {
        const fs::path next = folder / ("top" + std::to_string(i) + ".qcow2");
        create_overlay({.overlay = next, .backing = top});
        top = next;
    }
    return top;
}

void write_overlay(benchmark::State& state) {
    const TempDir folder;
    create_empty_qcow2(folder / "base.qcow2", ByteSize::gib(10));
    for (auto _ : state) {
        create_overlay({.overlay = folder / "top.qcow2", .backing = folder / "base.qcow2"});
        fs::remove(folder / "top.qcow2");
    }
}
BENCHMARK(write_overlay);

void read_header(benchmark::State& state) {
    const TempDir folder;
    const fs::path top = chain_in(folder.path(), 1);
    for (auto _ : state) {
        benchmark::DoNotOptimize(read_qcow2_header(top));
    }
}
BENCHMARK(read_header);

void read_chain(benchmark::State& state) {
    const TempDir folder;
    const fs::path top = chain_in(folder.path(), state.range(0));
    for (auto _ : state) {
        benchmark::DoNotOptimize(read_backing_chain(top, DiskFormat::qcow2));
    }
    state.SetComplexityN(state.range(0));
}
BENCHMARK(read_chain)->RangeMultiplier(4)->Range(1, 32)->Complexity();

}  // namespace
}  // namespace imgforge::image
