// SPDX-License-Identifier: GPL-3.0-or-later
// Spawn for real on the embedded driver: many at once, killed in the middle, refused.
#include "pipelines/lifecycle/spawn.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <csignal>
#include <random>
#include <set>

#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "pipelines/lifecycle/root_disk.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/lifecycle/machine_home.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;
using testing::IsEmpty;

class SpawnTools : public test::MachineTest {
protected:
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

TEST_F(SpawnTools, values_of_each_machine_are_filled_in_before_the_seed_is_judged) {
    SpawnOptions options = defined_only("web-{n}", 2);
    options.user_data_text =
        "#cloud-config\nhostname: {name}\nwrite_files: [{path: /etc/number, content: 'no {n}'}]\n";
    auto lifecycle = home_->open();
    spawn(lifecycle, options);
    for (const char* const number : {"1", "2"}) {
        const std::string seed = read_file(lifecycle.require(std::string("web-") + number).seed, 16U << 20U);
        EXPECT_THAT(seed, HasSubstr(std::string("hostname: web-") + number));
        EXPECT_THAT(seed, HasSubstr(std::string("no ") + number));
    }
}

TEST_F(SpawnTools, killed_in_the_middle_leaves_nothing_after_cleanup) {
    std::mt19937 random(7);
    for (int i = 0; i < 8; ++i) {
        const pid_t victim = test::MachineHome::in_process([&] {
            auto lifecycle = home_->open();
            SpawnOptions options{.image = "tiny",
                                 .name = "web-{n}",
                                 .count = 2,
                                 .memory = ByteSize::mib(64),
                                 .wait = Wait::ssh,
                                 .rollback = true};
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
        home_->clock, "end of all processes", std::chrono::seconds(20),
        [&] { return home_->processes_left().empty(); },
        [&] { return fmt::format("{} are left", home_->processes_left().size()); });
}

TEST_F(SpawnTools, machines_of_the_generation_before_are_outdated_and_respawn_ends_that) {
    {
        auto lifecycle = home_->open();
        spawn(lifecycle, defined_only("old-1"));
        test::make_disk(home_->processes, home_->folder / "next.qcow2",
                        {.seed = 2, .data_mib = 1, .virtual_mib = 8});
        store::publish(lifecycle.store(), home_->processes,
                       {.image = "tiny", .disk = home_->folder / "next.qcow2"}, home_->monitor);
        EXPECT_FALSE(look(lifecycle, lifecycle.require("old-1")).outdated)
            << "a candidate is not current yet";
        lifecycle.store().promote("tiny", 2);
    }
    auto lifecycle = home_->open();
    const MachineRecord before = lifecycle.require("old-1");
    EXPECT_TRUE(look(lifecycle, before).outdated);
    const auto result = respawn_machine(lifecycle, "old-1", "", std::chrono::seconds(0));
    EXPECT_EQ(result.to, 2);
    const MachineRecord after = lifecycle.require("old-1");
    EXPECT_FALSE(look(lifecycle, after).outdated);
    EXPECT_EQ(after.host_keys, before.host_keys);
    EXPECT_EQ(after.instance_id, before.instance_id);
    EXPECT_EQ(after.nics.at(0).network.mac, before.nics.at(0).network.mac);
    EXPECT_NE(after.generation_id, before.generation_id);
    EXPECT_THAT(lifecycle.store().holders("tiny", 1), IsEmpty());
}

TEST_F(SpawnTools, secure_boot_and_shared_folders_start_on_request) {
    if (!std::filesystem::exists("/usr/share/OVMF") || !std::filesystem::exists("/usr/lib/qemu/virtiofsd")) {
        IMGFORGE_SKIP("tools", "OVMF or virtiofsd is not installed");
    }
    auto lifecycle = home_->open();
    const SpawnOptions plain{.image = "tiny", .memory = ByteSize::mib(64), .wait = Wait::none};
    SpawnOptions secure = plain;
    secure.name = "secure-1";
    secure.firmware = Firmware::uefi_secure;
    SpawnOptions shared = plain;
    shared.name = "shared-1";
    shared.shares = {{home_->folder.path(), "nine", true}};
    SpawnOptions fast = plain;
    fast.name = "fast-1";
    fast.shares = {{home_->folder.path(), "fast", false, true}};
    for (const auto& options : {secure, shared, fast}) {
        spawn(lifecycle, options);
        EXPECT_EQ(look(lifecycle, lifecycle.require(options.name)).state, "running") << options.name;
        destroy_machine(lifecycle, options.name);
    }
    EXPECT_THAT(clean_up(lifecycle).problems, IsEmpty());
    EXPECT_THAT(home_->processes_left(), IsEmpty()) << "virtiofsd ends with its machine";
}

TEST_F(SpawnTools, refuses_what_cannot_be_and_leaves_nothing) {
    EXPECT_THAT(refusal({.image = "tine", .name = "web-1"}), HasSubstr("tiny"));
    for (const std::string& name : {std::string("a/b"), std::string("../up"), std::string("a;rm"),
                                    std::string(300, 'x'), std::string(".x")}) {
        EXPECT_THAT(refusal(defined_only(name)), HasSubstr("name"));
    }
    EXPECT_THAT(
        refusal({.image = "tiny", .name = "web-1", .memory = ByteSize::gib(100000), .wait = Wait::none}),
        HasSubstr("memory"));
    EXPECT_THAT(
        refusal(
            {.image = "tiny", .name = "web-1", .disk = ByteSize::mib(1), .start = false, .wait = Wait::none}),
        HasSubstr("can only grow"));
    const std::string dead =
        fmt::format("qemu+unix:///system?socket={}", (home_->folder / "nobody").string());
    EXPECT_THAT(refusal(defined_only("web-1"), dead), HasSubstr("nobody"));
    const auto mark = [&](const std::map<int, std::string>& problems) {
        StateDb database(home_->places.state_db());
        store::Store(home_->places, database, home_->clock).record_damage("tiny", {1}, problems);
    };
    mark({{1, "disk.qcow2 was changed"}});
    EXPECT_THAT(refusal(defined_only("web-1")), HasSubstr("tiny@1 is damaged and not used"));
    mark({});
    EXPECT_THAT(home_->folders(), IsEmpty());
    auto lifecycle = home_->open();
    EXPECT_THAT(lifecycle.reservations().all(), IsEmpty());
    EXPECT_THAT(lifecycle.store().holders("tiny", 1), IsEmpty());
}

}  // namespace
}  // namespace imgforge::lifecycle
