// SPDX-License-Identifier: GPL-3.0-or-later
#include <benchmark/benchmark.h>
#include <fmt/format.h>

#include <string>

#include "builder/base/random.hpp"
#include "sysprep/audit/matcher.hpp"
#include "sysprep/audit/secret_patterns.hpp"
#include "sysprep/needles.hpp"

namespace imgforge::sysprep::audit {
namespace {

constexpr std::size_t piece = 4U << 20U;

std::string noise() {
    const auto bytes = random_bytes(piece);
    return {bytes.begin(), bytes.end()};
}

/// Log lines, as a guest's disk is full of.
std::string prose() {
    std::string text;
    for (int i = 0; text.size() < piece; ++i) {
        text += fmt::format(
            "Nov 26 15:{:02}:{:02} web-{} sshd[{}]: Accepted publickey for debian from 192.0.2.{} port {}\n",
            i / 60 % 60, i % 60, i % 7, 1000 + i, i % 250, 30000 + i % 20000);
    }
    text.resize(piece);
    return text;
}

/// Machine with so many needles in addition to the generic patterns: that is what a sysprep run hands to its
/// audit.
Needles needles_of(std::int64_t count) {
    Needles needles;
    for (std::int64_t i = 0; i < count; ++i) {
        needles.add("host-key", fmt::format("line {}", i), random_hex(24), "/etc/ssh/ssh_host_rsa_key");
    }
    return needles;
}

void search(benchmark::State& state, const std::string& data) {
    std::vector<Pattern> patterns = generic_patterns();
    for (Pattern& pattern : needle_patterns(needles_of(state.range(0)))) {
        patterns.push_back(std::move(pattern));
    }
    const Matcher matcher(std::move(patterns));
    Matcher::Scratch scratch(matcher);
    for (auto _ : state) {
        benchmark::DoNotOptimize(matcher.scan(scratch, data, 0, data.size()));
    }
    state.SetBytesProcessed(state.iterations() * static_cast<std::int64_t>(data.size()));
}

void match_noise(benchmark::State& state) {
    search(state, noise());
}
BENCHMARK(match_noise)->Arg(0)->Arg(64)->Arg(512)->Unit(benchmark::kMillisecond);

void match_prose(benchmark::State& state) {
    search(state, prose());
}
BENCHMARK(match_prose)->Arg(0)->Arg(64)->Arg(512)->Unit(benchmark::kMillisecond);

}  // namespace
}  // namespace imgforge::sysprep::audit
