// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include "builder/base/clock.hpp"

namespace imgforge::test {

/// Time that passes only when somebody sleeps.
class FakeClock final : public Clock {
public:
    Instant now() const override { return now_; }
    std::int64_t wall_seconds() const override { return wall_ms_ / 1000; }
    void sleep(std::chrono::milliseconds duration) override;
    void set_wall(std::int64_t seconds) { wall_ms_ = seconds * 1000; }

private:
    Instant now_{std::chrono::hours(1)};
    std::int64_t wall_ms_ = 1700000000000;
};

}  // namespace imgforge::test
