// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <cstdlib>
#include <ctime>
#include <filesystem>
#include <map>
#include <string>
#include <vector>

#include <fmt/format.h>

namespace imgforge::test {

/// What goes wrong, and when: the environment of tests/faults/shim.c.
struct Fault {
    std::string what{};         ///< EIO, ENOSPC, KILL; empty: nothing, calls are only counted
    std::uint64_t at = 0;       ///< the call that fails, from 1
    bool from_then_on = false;  ///< and all after it: the disk is gone
    std::string text() const {
        return what.empty()
                   ? "no error"
                   : fmt::format("{} at call {}{}", what, at, from_then_on ? " and all after it" : "");
    }
};

struct FaultResult {
    int code = 0;             ///< exit code, or the signal's number negated; -1000: it hung
    std::string out;          ///< stdout and stderr
    std::uint64_t calls = 0;  ///< that changed something below the directory
    bool killed() const { return code == -9; }
};

/// Runs a program with an error in everything it and its children do below `folder`. `log`: the calls, one a
/// line.
FaultResult run_with_fault(const std::vector<std::string>& argv, const std::filesystem::path& folder,
                           const Fault& fault, const std::map<std::string, std::string>& environment = {},
                           const std::filesystem::path& log = {});

inline long number_from_environment(const char* name, long otherwise) {
    const char* const text = std::getenv(name);
    return text == nullptr ? otherwise : std::atol(text);
}

/// IMGFORGE_SEED, else the time; printed, so that a run can be replayed.
inline std::uint32_t seed_of_this_run() {
    static const auto seed = static_cast<std::uint32_t>(
        number_from_environment("IMGFORGE_SEED", static_cast<long>(std::time(nullptr) % 1000000)));
    fmt::print("IMGFORGE_SEED={}\n", seed);
    return seed;
}

}  // namespace imgforge::test
