// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <vector>

#include "pipelines/store/verify.hpp"

namespace imgforge::store {

/// A digest that still has to be made: slow, so all of them are made in parallel at the end.
struct DigestTask {
    std::string image;
    int generation = 0;
    std::string what;
    std::filesystem::path path;
    std::string expected;
};

/// All digests, in parallel (`threads`, 0: one per core), largest file first so that no core idles at the
/// end. Returns what differs or cannot be read.
std::vector<Finding> run_tasks(std::vector<DigestTask> tasks, int threads, Activity& activity);

}  // namespace imgforge::store
