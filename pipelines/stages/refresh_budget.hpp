// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <functional>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/base/settings.hpp"

namespace imgforge::stages {

/// What one job takes of the host while it runs.
struct JobNeed {
    ByteSize memory{};
    int cpus = 1;
    ByteSize disk{};
};

/// What jobs may take together.
struct Budget {
    int jobs = 1;
    ByteSize memory{};
    int cpus = 1;
    ByteSize disk{};

    /// `jobs:` and `budget: {memory, cpus, disk}` of the settings; what they leave open: half the cores, 80 %
    /// of the memory that is free now, 90 % of the free space below `home`.
    static Budget from_settings(const Settings& settings, const std::filesystem::path& home,
                                std::optional<int> jobs);
};

/// True when `need` fits beside what already runs. A job that alone is larger than memory or cores still runs
/// when nothing else does (it is slow then, not wrong); disk space is never overrun. Pure.
bool fits(const Budget& budget, const std::vector<JobNeed>& running, const JobNeed& need);

/// Runs all jobs in parallel within the budget, in their order as far as they fit. Each job catches its own
/// errors; Interrupted stops starting further ones and is thrown again at the end. `refused` is called for a
/// job whose disk need cannot be met.
void run_within(const Budget& budget, const std::vector<JobNeed>& needs,
                const std::function<void(std::size_t)>& job, const std::function<void(std::size_t)>& refused);

}  // namespace imgforge::stages
