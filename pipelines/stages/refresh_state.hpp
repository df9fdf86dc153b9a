// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <optional>
#include <string>

#include "builder/base/state_db.hpp"
#include "pipelines/stages/refresh_decision.hpp"

namespace imgforge::stages {

/// What is remembered of the refreshes of one image.
struct RefreshRow {
    std::string image;
    RefreshOutcome outcome = RefreshOutcome::running;
    std::int64_t started = 0;
    std::int64_t last_success = 0;  ///< 0: never
    MirrorState mirror{};           ///< at the last one that ended well
    std::string detail{};
};

/// Table `refresh_runs` of state.db (area "refresh").
class RefreshState {
public:
    explicit RefreshState(StateDb& database);
    std::optional<RefreshRow> load(const std::string& image) const;
    /// Before a run: outcome "running", so that a killed one is not taken for a good one.
    void begin(const std::string& image, std::int64_t now);
    /// After it. `mirror` and the time of success count only when it ended well.
    void end(const std::string& image, RefreshOutcome outcome, const std::string& detail,
             const MirrorState& mirror, std::int64_t now);

private:
    StateDb& database_;
};

}  // namespace imgforge::stages
