// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <filesystem>

#include "builder/base/digest.hpp"
#include "builder/base/file.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/strict_yaml.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/image/overlay.hpp"
#include "builder/install/initrd_pack.hpp"

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
}
BENCHMARK(parse_recipe)->RangeMultiplier(8)->Range(8, 4096)->Complexity();

void redact_log_line(benchmark::State& state) {
    const std::string line = "run: qemu-img create -f qcow2 -b /var/lib/imgforge/images/debian13/3/disk.qcow2 -F qcow2 disk.qcow2";
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

void write_overlay(benchmark::State& state) {
    const TempDir folder;
    image::create_empty_qcow2(folder / "base.qcow2", ByteSize::gib(10));
    for (auto _ : state) {
        image::create_overlay({.overlay = folder / "top.qcow2", .backing = folder / "base.qcow2"});
        std::filesystem::remove(folder / "top.qcow2");
    }
}
BENCHMARK(write_overlay);

void inject_into_initrd(benchmark::State& state) {
    const TempDir folder;
    // An uncompressed cpio trailer behind 32 MiB of NULs stands for a large initrd: what counts is the copy.
    std::string initrd(32U << 20U, '\0');
    const std::string trailer = "070701" + std::string(8 * 11, '0') + "0000000b" + "00000000" + std::string("TRAILER!!!\0\0\0\0", 14);
    initrd.replace(0, trailer.size(), trailer);
    write_file_atomically(folder / "initrd", initrd);
    const std::vector<install::InitrdMember> members = {{.path = "/preseed.cfg", .bytes = std::string(4000, 'p')}};
    for (auto _ : state) {
        install::pack_initrd(folder / "initrd", members, folder / "packed");
    }
}
BENCHMARK(inject_into_initrd)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace imgforge
