// SPDX-License-Identifier: GPL-3.0-or-later
// The clock of the host is decades wrong, or jumps forth and back while an operation runs
// (tests/faults/shim.c).
#include <gtest/gtest.h>

#include <map>
#include <string>

#include "tests/faults/fault_scene.hpp"
#include "tests/faults/sound.hpp"

namespace imgforge::test {
namespace {

constexpr const char* day_s = "86400";
constexpr const char* twenty_years_back_s = "-631152000";
constexpr const char* twenty_years_ahead_s = "631152000";

class ClockFaults : public testing::TestWithParam<std::map<std::string, std::string>> {
protected:
    void SetUp() override {
        if (!find_program("qemu-img")) {
            IMGFORGE_SKIP("tools", "qemu-img is not installed");
        }
        ::setenv("IMGFORGE_IMMUTABLE", "off", 1);
    }
};

TEST_P(ClockFaults, change_nothing_but_the_times_in_the_records) {
    const FaultScene scene;
    for (const char* operation : {"publish", "refresh", "promote", "rollback", "gc"}) {
        SCOPED_TRACE(operation);
        // Between the operations the clock is right: each finds records from another time.
        const FaultResult result = run_with_fault(scene.victim(operation), scene.places.home, {}, GetParam());
        EXPECT_EQ(result.code, 0) << result.out;
        expect_sound(scene.places);
        if (std::string(operation) == "publish") {
            EXPECT_EQ(StorePicture(scene.places).current, 5);
        }
        if (std::string(operation) == "refresh") {
            EXPECT_EQ(StorePicture(scene.places).nightly, 2);
        }
    }
    const StorePicture end(scene.places);
    EXPECT_TRUE(end.has(end.current));
    EXPECT_TRUE(end.has(4)) << "the base of a machine is gone";
    // A refresh at the right time afterwards: records from the future must not put it off.
    const FaultResult again = run_with_fault(scene.victim("refresh", 9), scene.places.home, {});
    EXPECT_NE(again.out.find("done refresh published 3"), std::string::npos) << again.out;
}

INSTANTIATE_TEST_SUITE_P(
    Clocks, ClockFaults,
    testing::Values(std::map<std::string, std::string>{{"IMGFORGE_FAULT_CLOCK", twenty_years_back_s}},
                    std::map<std::string, std::string>{{"IMGFORGE_FAULT_CLOCK", twenty_years_ahead_s}},
                    std::map<std::string, std::string>{{"IMGFORGE_FAULT_CLOCK", day_s},
                                                       {"IMGFORGE_FAULT_CLOCK_FLIP", "2"}}),
    [](const auto& chosen) {
        return chosen.index == 0 ? "behind" : chosen.index == 1 ? "ahead" : "jumping";
    });

}  // namespace
}  // namespace imgforge::test
