// SPDX-License-Identifier: GPL-3.0-or-later
// One console that stops and the verdict it must get; shared by the tests of the families.
#pragma once

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/install/watcher.hpp"

namespace imgforge::install::test {

using std::chrono::seconds;
using ::testing::HasSubstr;
using ::testing::Not;
using Kind = Outcome::Kind;

struct Case {
    const char* name;
    const char* row;
    std::string console;
    Kind kind;
    const char* step;
    std::vector<std::string> message;  ///< all of these stand in it
    std::string advice;                ///< stands in the remedy or the line to write
    seconds within{30};
};

/// Feeds the console at once and lets time pass without a sign of life.
inline void expect_verdict(const Case& c) {
    Clock::Instant now{std::chrono::hours(1)};
    Watcher watcher(templates::distribution(c.row), {.marker = "IMGFORGE-RESULT: success 1"}, now);
    watcher.console(c.console, now);
    for (seconds passed{0}; passed < c.within && !watcher.outcome(); ++passed) {
        now += seconds(1);
        watcher.tick(now);
    }

    ASSERT_TRUE(watcher.outcome());
    const Outcome& outcome = *watcher.outcome();
    EXPECT_EQ(outcome.kind, c.kind) << outcome.message;
    for (const std::string& part : c.message) {
        EXPECT_THAT(outcome.message, HasSubstr(part));
    }
    EXPECT_THAT(outcome.message, HasSubstr("silent for"));
    EXPECT_THAT(outcome.message, Not(HasSubstr("$")));
    EXPECT_THAT(outcome.remedy + "\n" + outcome.answer, HasSubstr(c.advice));
    if (*c.step != '\0') {
        EXPECT_EQ(outcome.step, c.step);
    }
}

}  // namespace imgforge::install::test
