// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/engine/build.hpp"

#include "builder/base/error.hpp"
#include "builder/base/state_db.hpp"
#include "pipelines/engine/build_run.hpp"
#include "pipelines/engine/planning.hpp"

namespace imgforge::engine {

std::vector<PlannedStage> plan_build(Recipe& recipe, const BuildOptions& options, const Host& host) {
    return translated([&] {
        host.places.create();
        StateDb database(host.places.state_db());
        Journal journal(database);
        return plan_now(recipe, options, host, journal);
    });
}

BuildReport build(Recipe& recipe, const BuildOptions& options, const Host& host, const DiskUsers* users,
                  BuildObserver* observer) {
    return translated([&] { return BuildRun(recipe, options, host, users, observer).go(); });
}

}  // namespace imgforge::engine
