// SPDX-License-Identifier: GPL-3.0-or-later
// Spawn for real on the embedded driver: many at once, killed in the middle, refused.
#include "pipelines/lifecycle/spawn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <random>
#include <set>

#include "pipelines/lifecycle/erase.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/lifecycle/machine_home.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class SpawnTools : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program : {"qemu-system-x86_64", "qemu-img"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        home_.emplace();
    }

    static SpawnOptions defined_only(const std::string& name, std::size_t count = 1) {
        return {.image = "tiny", .name = name, .count = count, .start = false, .wait = Wait::none};
    }

    /// The message of the error that spawn() throws.
    std::string refusal(const SpawnOptions& options, const std::string& connection = "embedded") {
        try {
            auto lifecycle = home_->open(connection);
            spawn(lifecycle, options);
        } catch (const Error& error) {
            return error.describe();
        }
        return "no error";
    }

    std::optional<test::MachineHome> home_;
};

TEST_F(SpawnTools, of_32_that_want_one_name_exactly_one_gets_it) {
    std::vector<pid_t> children;
    for (int i = 0; i < 32; ++i) {
        children.push_back(test::MachineHome::in_process([&] {
            auto lifecycle = home_->open();
            spawn(lifecycle, defined_only("web-1"));
        }));
    }
    std::map<int, int> codes;
    for (const pid_t child : children) {
        ++codes[test::MachineHome::exit_code(child)];
    }
    EXPECT_EQ(codes, (std::map<int, int>{{0, 1}, {3, 31}}));
    auto lifecycle = home_->open();
    EXPECT_EQ(lifecycle.require("web-1").state, RecordState::ready);
    EXPECT_THAT(home_->folders(), testing::ElementsAre("web-1"));
}

TEST_F(SpawnTools, sixty_four_with_count_have_nothing_in_common) {
    // Two commands with the same pattern at once must not come into each other's way either.
    std::vector<pid_t> children;
    for (int i = 0; i < 2; ++i) {
        children.push_back(test::MachineHome::in_process([&] {
            auto lifecycle = home_->open();
            spawn(lifecycle, defined_only("web-{n}", 32));
        }));
    }
    for (const pid_t child : children) {
        EXPECT_EQ(test::MachineHome::exit_code(child), 0);
    }
    std::set<std::string> names;
    std::set<std::string> macs;
    std::set<std::string> ids;
    std::set<std::string> uuids;
    std::set<std::uint16_t> ports;
    auto lifecycle = home_->open();
    for (const auto& record : lifecycle.reservations().all()) {
        names.insert(record.name);
        macs.insert(record.nics.at(0).network.mac.value());
        ids.insert(record.instance_id);
        uuids.insert(record.uuid);
        ports.insert(record.ssh_port.value());
    }
    for (const std::size_t count : {names.size(), macs.size(), ids.size(), uuids.size(), ports.size()}) {
        EXPECT_EQ(count, 64U);
    }
}

TEST_F(SpawnTools, killed_in_the_middle_leaves_nothing_after_cleanup) {
    std::mt19937 random(7);
    for (int i = 0; i < 8; ++i) {
        const pid_t victim = test::MachineHome::in_process([&] {
            auto lifecycle = home_->open();
            SpawnOptions options{.image = "tiny", .name = "web-{n}", .count = 2, .memory = ByteSize::mib(64), .wait = Wait::ssh};
            spawn(lifecycle, options);
        });
        ::usleep(static_cast<useconds_t>(random() % 1'500'000));
        ::kill(victim, SIGKILL);
        EXPECT_EQ(test::MachineHome::exit_code(victim), -1);
        auto lifecycle = home_->open();
        EXPECT_THAT(clean_up(lifecycle).problems, IsEmpty());
        EXPECT_THAT(home_->folders(), IsEmpty());
        EXPECT_THAT(lifecycle.reservations().all(), IsEmpty());
        EXPECT_THAT(lifecycle.store().holders("tiny", 1), IsEmpty());
    }
    // Whoever was about to start QEMU when its command died has ended by now, one way or the other.
    wait_until(
        home_->clock, "end of all processes", std::chrono::seconds(20), [&] { return home_->processes_left().empty(); },
        [&] { return fmt::format("{} are left", home_->processes_left().size()); });
}

TEST_F(SpawnTools, refuses_what_cannot_be_and_leaves_nothing) {
    EXPECT_THAT(refusal({.image = "tine", .name = "web-1"}), HasSubstr("tiny"));
    for (const std::string& name :
         {std::string("a/b"), std::string("../up"), std::string("a;rm"), std::string(300, 'x'), std::string(".x")}) {
        EXPECT_THAT(refusal(defined_only(name)), HasSubstr("name"));
    }
    EXPECT_THAT(refusal({.image = "tiny", .name = "web-1", .memory = ByteSize::gib(100000), .wait = Wait::none}), HasSubstr("memory"));
    EXPECT_THAT(refusal({.image = "tiny", .name = "web-1", .disk = ByteSize::mib(1), .start = false, .wait = Wait::none}),
                HasSubstr("can only grow"));
    const std::string dead = fmt::format("qemu+unix:///system?socket={}", (home_->folder / "nobody").string());
    EXPECT_THAT(refusal(defined_only("web-1"), dead), HasSubstr("nobody"));
    EXPECT_THAT(home_->folders(), IsEmpty());
    auto lifecycle = home_->open();
    EXPECT_THAT(lifecycle.reservations().all(), IsEmpty());
    EXPECT_THAT(lifecycle.store().holders("tiny", 1), IsEmpty());
}

}  // namespace
}  // namespace imgforge::lifecycle
