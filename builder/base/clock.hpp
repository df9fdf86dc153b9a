// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <functional>
#include <string>
#include <string_view>

namespace imgforge {

/// Monotonic time for deadlines and wall time for records, as a seam so that tests need not wait.
class Clock {
public:
    using Instant = std::chrono::steady_clock::time_point;
    virtual ~Clock() = default;
    virtual Instant now() const = 0;
    /// Seconds since 1970-01-01 UTC; only for records and ages, never for deadlines.
    virtual std::int64_t wall_seconds() const = 0;
    /// Throws Interrupted when a signal comes.
    virtual void sleep(std::chrono::milliseconds duration) = 0;
};

class SystemClock final : public Clock {
public:
    Instant now() const override;
    std::int64_t wall_seconds() const override;
    void sleep(std::chrono::milliseconds duration) override;
};

/// "2026-11-21T06:29:21Z".
std::string iso_time(std::int64_t wall_seconds);

/// "1h02m", "3m05s", "12s", "0.4s".
std::string duration_text(std::chrono::milliseconds duration);

/// Reads "90s", "5m", "24h", "1d", "2w" (and bare seconds). Throws Failure::usage with the text.
std::chrono::seconds parse_duration(std::string_view text);

/// Every wait of imgforge: polls `condition` until true or the deadline. `last_seen` says in a few words what
/// the last look showed. Throws Failure::timeout: "no IP address of web-1 after 60s; last seen: no lease,
/// agent silent".
void wait_until(Clock& clock, std::string_view what, std::chrono::milliseconds deadline,
                const std::function<bool()>& condition, const std::function<std::string()>& last_seen,
                std::chrono::milliseconds interval = std::chrono::milliseconds(200));

}  // namespace imgforge
