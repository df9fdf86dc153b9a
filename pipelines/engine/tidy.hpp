// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>

#include "builder/base/host.hpp"
#include "pipelines/engine/build_observer.hpp"
#include "pipelines/engine/journal.hpp"

namespace imgforge::engine {

/// After a build that succeeded: evicts layers by `cache:` of the settings, forgets those that vanished, and
/// removes the directories of old runs. The caller holds the store's lock. `run` is the build's own id.
void tidy_cache(const Host& host, Journal& journal, const std::string& run, const DiskUsers* users,
                BuildObserver* observer);

}  // namespace imgforge::engine
