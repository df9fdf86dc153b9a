// SPDX-License-Identifier: GPL-3.0-or-later
// The disk fails, fills up or the power goes at each single write of each operation on the store.
// IMGFORGE_SEED replays the choice of points, IMGFORGE_FAULT_POINTS changes their number for each operation
// and error (0: every one).
#include <gtest/gtest.h>

#include <algorithm>
#include <memory>
#include <numeric>
#include <random>

#include "tests/faults/fault_scene.hpp"
#include "tests/faults/sound.hpp"

namespace fs = std::filesystem;

namespace imgforge::test {
namespace {

class DiskFaults : public testing::TestWithParam<const char*> {
protected:
    static void SetUpTestSuite() {
        if (find_program("qemu-img")) {
            ::setenv("IMGFORGE_IMMUTABLE", "off", 1);
            scene = std::make_unique<FaultScene>();
            scene->keep();
        }
    }
    static void TearDownTestSuite() { scene.reset(); }
    void SetUp() override {
        if (!scene) {
            IMGFORGE_SKIP("tools", "qemu-img is not installed");
        }
    }

    /// What the operation promised, and what it must not have touched.
    static void expect_promises(const std::string& operation, const FaultResult& result,
                                const StorePicture& after) {
        const auto said = [&](const std::string& words) {
            return result.out.find("done " + words) != std::string::npos;
        };
        EXPECT_TRUE(after.has(4)) << "the base of a machine is gone";
        EXPECT_TRUE(after.has(3)) << "the base of 4 is gone";
        EXPECT_NE(after.current, 0);
        if (operation == "publish") {
            EXPECT_TRUE(!said("publish 5") || after.has(5)) << "a publication that was reported is lost";
            EXPECT_EQ(after.current, said("promote 5") ? 5 : after.current == 5 ? 5 : 4);
            EXPECT_TRUE(after.has(1) && after.has(2));
        } else if (operation == "promote" || operation == "rollback") {
            EXPECT_EQ(after.generations.size(), 4U);
            EXPECT_TRUE(after.current == 3 || (after.current == 4 && !said(operation)));
        } else if (operation == "gc") {
            EXPECT_TRUE(!said("gc") || !after.has(2));
        } else if (operation == "delete") {
            EXPECT_TRUE(after.has(1));
            EXPECT_TRUE(!said("delete 2") || !after.has(2));
        } else if (operation == "refresh") {
            EXPECT_TRUE(!said("refresh") || said("refresh published 2"))
                << "a failed run was taken for unchanged";
            EXPECT_TRUE(after.nightly == 2 || (after.nightly == 1 && !said("refresh")));
            EXPECT_EQ(after.generations.size(), 4U);
        } else if (operation == "repair") {
            EXPECT_EQ(after.current, 4);
            EXPECT_EQ(after.nightly, 1);
            EXPECT_EQ(after.generations.size(), 4U);
        }
    }

    /// After a failed refresh the next one, on a sound disk, must do the work that is left and clean up.
    static void expect_refresh_recovers() {
        const FaultResult again = run_with_fault(scene->victim("refresh"), scene->places.home, {});
        EXPECT_EQ(again.code, 0) << again.out;
        // 3 when the error came between the publication and the note of it: the candidate without a note is
        // published again.
        const int nightly = StorePicture(scene->places).nightly;
        EXPECT_TRUE(nightly == 2 || nightly == 3) << nightly << "\n" << again.out;
        for (const fs::directory_entry& entry : fs::directory_iterator(scene->places.stages())) {
            EXPECT_NE(entry.path().filename().string().rfind(".scratch", 0), 0U)
                << "left over: " << entry.path();
        }
        expect_sound(scene->places);
    }

    static void prepare(const std::string& operation) {
        scene->restore();
        if (operation == "repair") {
            for (const char* const suffix : {"", "-wal", "-shm"}) {
                fs::remove(scene->places.state_db().string() + suffix);
            }
        }
    }

    static std::unique_ptr<FaultScene> scene;
};
std::unique_ptr<FaultScene> DiskFaults::scene;

std::vector<std::uint64_t> points(std::uint64_t calls, std::mt19937& random) {
    std::vector<std::uint64_t> all(calls);
    std::iota(all.begin(), all.end(), 1U);
    const long wanted = number_from_environment("IMGFORGE_FAULT_POINTS", 6);
    if (wanted > 0 && static_cast<std::uint64_t>(wanted) < calls) {
        std::shuffle(all.begin(), all.end(), random);
        all.resize(static_cast<std::size_t>(wanted));
    }
    return all;
}

TEST_P(DiskFaults, leave_a_sound_store_wherever_they_strike) {
    const std::string operation = GetParam();
    std::mt19937 random(seed_of_this_run());
    prepare(operation);
    const FaultResult good = run_with_fault(scene->victim(operation), scene->places.home, {});
    ASSERT_EQ(good.code, 0) << good.out;
    ASSERT_GT(good.calls, 5U) << "the shim does not see what the program does";
    expect_promises(operation, good, StorePicture(scene->places));
    int trials = 0;
    int survived = 0;
    for (const Fault& kind :
         {Fault{.what = "KILL"}, Fault{.what = "EIO"}, Fault{.what = "ENOSPC"},
          Fault{.what = "EIO", .from_then_on = true}, Fault{.what = "ENOSPC", .from_then_on = true}}) {
        for (const std::uint64_t at : points(good.calls, random)) {
            Fault fault = kind;
            fault.at = at;
            SCOPED_TRACE(operation + ": " + fault.text());
            prepare(operation);
            const FaultResult result = run_with_fault(scene->victim(operation), scene->places.home, fault);
            ++trials;
            survived += result.code == 0 ? 1 : 0;
            if (fault.what == "KILL") {
                EXPECT_TRUE(result.killed() || result.code == 0) << result.code << " " << result.out;
            } else {
                EXPECT_TRUE(result.code == 0 || result.code == 1) << result.code << " " << result.out;
                EXPECT_EQ(result.out.find("other:"), std::string::npos)
                    << "an error without explanation: " << result.out;
            }
            if (operation == "repair") {
                // Half a repair is repaired by the next one.
                const FaultResult again = run_with_fault(scene->victim("repair"), scene->places.home, {});
                EXPECT_EQ(again.code, 0) << again.out;
            }
            expect_sound(scene->places);
            expect_promises(operation, result, StorePicture(scene->places));
            if (operation == "refresh") {
                expect_refresh_recovers();
            }
            if (HasFailure()) {
                FAIL() << "said: " << result.out;
            }
        }
    }
    fmt::print("{}: {} calls, {} errors, {} ended well all the same\n", operation, good.calls, trials,
               survived);
}

INSTANTIATE_TEST_SUITE_P(Operations, DiskFaults,
                         testing::Values("publish", "promote", "rollback", "gc", "delete", "refresh",
                                         "repair"),
                         [](const auto& chosen) { return std::string(chosen.param); });

}  // namespace
}  // namespace imgforge::test
