// SPDX-License-Identifier: GPL-3.0-or-later
// kill -9 at every journal transition: a child process ends without any clean-up at the injected point, then
// the same build is started again and must end with the same disk.
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <atomic>
#include <thread>

#include <gmock/gmock.h>

#include "builder/base/digest.hpp"
#include "builder/base/lock.hpp"
#include "tests/unit/engine/fake_stage.hpp"

namespace imgforge::engine::test {
namespace {

std::vector<std::string> all_points(const Settings& settings = {}) {
    Workshop shop;
    shop.settings = settings;
    std::vector<std::string> points;
    AtPoints observer([&](std::string_view point) { points.emplace_back(point); });
    shop.build({}, {}, &observer);
    return points;
}

/// Builds in a child that ends at the n-th point as a killed process does: no destructor, no flush.
void build_and_die(Workshop& shop, std::size_t n) {
    const pid_t child = ::fork();
    ASSERT_GE(child, 0);
    if (child == 0) {
        std::size_t seen = 0;
        AtPoints observer([&](std::string_view) {
            if (seen++ == n) {
                ::_exit(77);
            }
        });
        shop.build({}, {}, &observer);
        ::_exit(0);
    }
    int status = 0;
    ASSERT_EQ(::waitpid(child, &status, 0), child);
    ASSERT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) == 77) << "the point was not reached";
}

TEST(KilledBuild, resumes_at_every_journal_transition_with_the_same_result) {
    const std::vector<std::string> points = all_points();
    ASSERT_GT(points.size(), 40U);
    Workshop undisturbed;
    const std::string expected = sha256_hex(disk_text(undisturbed.build()));

    for (std::size_t n = 0; n < points.size(); ++n) {
        SCOPED_TRACE(points[n]);
        Workshop shop;
        build_and_die(shop, n);

        const std::size_t left = running(shop.plan()).size();
        const BuildReport report = shop.build();

        EXPECT_EQ(sha256_hex(disk_text(report)), expected);
        EXPECT_EQ(shop.world->ran.size(), left) << "nothing that was finished ran again";
        EXPECT_EQ(shop.world->hooks, std::vector<std::string>{"promote"});
        EXPECT_EQ(running(shop.plan()).size(), 0U);
        for (const auto& entry : std::filesystem::directory_iterator(shop.host().places.stages())) {
            EXPECT_FALSE(entry.path().filename().string().starts_with(".")) << "left over: " << entry.path();
        }
    }
}

// The cache has room for nothing, so every build ends with evictions: a kill between two of them must not
// leave a layer that a later build would stand on although its disk is gone.
TEST(KilledBuild, in_the_middle_of_evictions_costs_no_more_than_the_layers_that_went) {
    Settings tight;
    tight.cache.max_size = ByteSize::kib(1);
    const std::vector<Override> change = {{"stages.seven.text", "another"}};
    Workshop undisturbed;
    const std::string expected = disk_text(undisturbed.build({}, change));
    const std::vector<std::string> points = all_points(tight);
    const auto closed = std::find(points.begin(), points.end(), "closed");
    ASSERT_GT(points.end() - closed, 5) << "evictions were expected";

    for (auto point = closed; point != points.end(); ++point) {
        SCOPED_TRACE(*point);
        Workshop shop;
        shop.settings = tight;
        build_and_die(shop, static_cast<std::size_t>(point - points.begin()));
        shop.settings = {};
        EXPECT_EQ(disk_text(shop.build({}, change)), expected);
        EXPECT_EQ(running(shop.plan({}, change)).size(), 0U);
    }
}

TEST(KilledBuild, says_so_in_the_next_plan) {
    Workshop shop;
    build_and_die(shop, 1);  // "started one"
    shop.build({.until = "one"});
    EXPECT_EQ(shop.world->ran.size(), 1U);
}

TEST(KilledBuild, a_second_build_of_the_recipe_waits_and_names_the_first) {
    Workshop shop;
    shop.host().places.create();
    std::filesystem::create_directories(shop.host().places.cache() / "locks");
    std::optional<FileLock> held =
        FileLock::try_acquire(shop.host().places.cache() / "locks" / "recipe-sample.lock", "build of sample");
    ASSERT_TRUE(held);
    std::atomic<bool> waiting = false;
    std::thread release([&] {
        while (!waiting) {
            for (const MonitorEvent& event : shop.monitor.events()) {
                waiting = waiting || event.detail.find("build of sample") != std::string::npos;
            }
            std::this_thread::sleep_for(std::chrono::milliseconds(2));
        }
        held.reset();
    });

    shop.build({.until = "one"});
    release.join();

    EXPECT_TRUE(waiting);
    EXPECT_EQ(shop.world->ran.size(), 1U);
}

}  // namespace
}  // namespace imgforge::engine::test
