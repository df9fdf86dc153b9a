// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/base/clock.hpp"

#include <charconv>
#include <ctime>

#include <fmt/chrono.h>
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"

namespace imgforge {

Clock::Instant SystemClock::now() const {
    return std::chrono::steady_clock::now();
}

std::int64_t SystemClock::wall_seconds() const {
    return std::chrono::duration_cast<std::chrono::seconds>(
               std::chrono::system_clock::now().time_since_epoch())
        .count();
}

void SystemClock::sleep(std::chrono::milliseconds duration) {
    interrupt::sleep(duration);
}

std::string iso_time(std::int64_t wall_seconds) {
    const std::time_t time = wall_seconds;
    std::tm parts{};
    ::gmtime_r(&time, &parts);
    return fmt::format("{:%Y-%m-%dT%H:%M:%S}Z", parts);
}

std::string duration_text(std::chrono::milliseconds duration) {
    const std::int64_t ms = duration.count();
    const std::int64_t s = ms / 1000;
    if (ms < 10000) {
        return fmt::format("{}.{}s", s, ms % 1000 / 100);
    }
    if (s < 60) {
        return fmt::format("{}s", s);
    }
    if (s < 3600) {
        return fmt::format("{}m{:02}s", s / 60, s % 60);
    }
    return fmt::format("{}h{:02}m", s / 3600, s % 3600 / 60);
}

std::chrono::seconds parse_duration(std::string_view text) {
    const auto bad = [text] {
        return Error(Failure::usage, fmt::format("'{}' is not a time", text),
                     "write a number followed by s, m, h, d or w, such as 90s, 24h or 7d");
    };
    std::int64_t number = 0;
    const auto [rest, fault] = std::from_chars(text.data(), text.data() + text.size(), number);
    const std::string_view unit(rest, static_cast<std::size_t>(text.data() + text.size() - rest));
    if (fault != std::errc() || number < 0 || number > 1000000000 || unit.size() > 1) {
        throw bad();
    }
    switch (unit.empty() ? 's' : unit[0]) {
        case 's': return std::chrono::seconds(number);
        case 'm': return std::chrono::seconds(number * 60);
        case 'h': return std::chrono::seconds(number * 3600);
        case 'd': return std::chrono::seconds(number * 86400);
        case 'w': return std::chrono::seconds(number * 604800);
        default: throw bad();
    }
}

void wait_until(Clock& clock, std::string_view what, std::chrono::milliseconds deadline,
                const std::function<bool()>& condition, const std::function<std::string()>& last_seen,
                std::chrono::milliseconds interval) {
    const Clock::Instant end = clock.now() + deadline;
    while (!condition()) {
        if (clock.now() >= end) {
            throw Error(Failure::timeout, fmt::format("{}: not after {}; last seen: {}", what,
                                                      duration_text(deadline), last_seen()));
        }
        clock.sleep(interval);
    }
}

}  // namespace imgforge
