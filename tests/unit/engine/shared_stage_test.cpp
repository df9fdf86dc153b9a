// SPDX-License-Identifier: GPL-3.0-or-later
// Two recipes with the same first stage, built at once: it is made once.
#include <gmock/gmock.h>

#include <atomic>
#include <thread>

#include "builder/base/clock.hpp"
#include "tests/unit/engine/fake_stage.hpp"

namespace imgforge::engine::test {
namespace {

bool said(const RecordingMonitor& monitor, const std::string& text) {
    for (const MonitorEvent& event : monitor.events()) {
        if (event.detail.find(text) != std::string::npos) {
            return true;
        }
    }
    return false;
}

TEST(SharedStage, is_made_by_the_first_build_and_taken_over_by_the_one_that_waited) {
    Workshop shop;
    Recipe other = shop.recipe_from("name: other\nos: debian13\nstages:\n  - one: {text: base}\n");
    BuildReport taken;
    std::thread second;
    AtPoints start_second([&](std::string_view point) {
        if (point != "started one") {
            return;
        }
        // The first build holds the stage's lock now and goes on once the second one is seen waiting.
        second = std::thread([&] { taken = engine::build(other, {}, shop.host()); });
        SystemClock clock;
        wait_until(
            clock, "the second build to wait", std::chrono::seconds(60),
            [&] { return said(shop.monitor, "which makes the same"); },
            [] { return std::string("no message"); }, std::chrono::milliseconds(2));
    });

    const BuildReport made = shop.build({.until = "one"}, {}, &start_second);
    second.join();

    EXPECT_THAT(shop.world->ran, testing::ElementsAre("one"));
    ASSERT_EQ(taken.stages.size(), 1U);
    EXPECT_EQ(taken.stages[0].plan.verdict, PlannedStage::Verdict::reuse);
    EXPECT_EQ(taken.stages[0].plan.reason, "another build made it meanwhile");
    EXPECT_EQ(taken.disk, made.disk);
}

}  // namespace
}  // namespace imgforge::engine::test
