// SPDX-License-Identifier: GPL-3.0-or-later
// Two hosts on one spool directory, each with a store of its own: what one made, the other takes over.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/spool.hpp"
#include "pipelines/lifecycle/spool_actions.hpp"
#include "pipelines/lifecycle/spool_takeover.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/lifecycle/machine_home.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;
using testing::SizeIs;

class Takeover : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program : {"qemu-system-x86_64", "qemu-img", "qemu-io"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        alpha_.emplace();
        beta_.emplace();
        folder_ = {alpha_->folder / "spool"};
        make_directories(folder_.root);
        folder_.create();
        write_file_atomically(folder_.root / "inst/web.properties", "image=tiny\nstart=no\n");
        auto machines = alpha_->open();
        LifecycleActions actions(machines);
        Spool(folder_, "alpha", actions, alpha_->clock, alpha_->monitor).run();
        io(machines.require("web").disk, "write -P 0x5a 1M 64k");
    }

    void io(const std::filesystem::path& disk, const std::string& command) {
        ProcessSpec spec{.program = "qemu-io", .args = {"-f", "qcow2", "-c", command, disk.string()}};
        const auto result = alpha_->processes.run(spec);
        ASSERT_TRUE(result.ok() && result.out.find("failed") == std::string::npos)
            << result.out << result.err;
    }

    std::optional<test::MachineHome> alpha_;
    std::optional<test::MachineHome> beta_;
    SpoolFolder folder_;
};

TEST_F(Takeover, a_machine_of_a_dead_host_goes_on_here_with_its_data_and_identity) {
    const MachineRecord before = alpha_->open().require("web");

    auto machines = beta_->open();
    const auto taken = take_over(machines, folder_, "alpha", "beta");

    ASSERT_THAT(taken, SizeIs(1));
    EXPECT_TRUE(taken[0].taken) << taken[0].note;
    const MachineRecord after = machines.require("web");
    io(after.disk, "read -P 0x5a 1M 64k");
    EXPECT_EQ(after.uuid, before.uuid);
    EXPECT_EQ(after.nics.at(0).network.mac, before.nics.at(0).network.mac);
    EXPECT_EQ(after.host_keys, before.host_keys);
    EXPECT_TRUE(after.backing.empty()) << "nothing of the other store is needed";
    EXPECT_THAT(read_file(folder_.owner("web")), HasSubstr("beta"));
    EXPECT_TRUE(std::filesystem::exists(before.disk)) << "the other store is left alone";

    LifecycleActions actions(machines);
    write_file_atomically(folder_.root / "start/web", "");
    const auto pass = Spool(folder_, "beta", actions, beta_->clock, beta_->monitor).run();
    EXPECT_EQ(pass.failed, 0);
    EXPECT_EQ(look(machines, machines.require("web")).state, "running");
    destroy_machine(machines, "web", {}, true);
}

TEST_F(Takeover, a_machine_that_still_runs_over_there_is_left) {
    auto theirs = alpha_->open();
    start_machine(theirs, "web");

    auto machines = beta_->open();
    const auto taken = take_over(machines, folder_, "alpha", "beta");

    ASSERT_THAT(taken, SizeIs(1));
    EXPECT_FALSE(taken[0].taken);
    EXPECT_FALSE(machines.reservations().find("web"));
    EXPECT_THAT(beta_->folders(), testing::IsEmpty());
    destroy_machine(theirs, "web", {}, true);
}

TEST_F(Takeover, disks_that_cannot_be_reached_are_said_with_their_place) {
    write_file_atomically(folder_.owner("web"), "alpha\n/nowhere/instances\n");

    auto machines = beta_->open();
    const auto taken = take_over(machines, folder_, "alpha", "beta");

    ASSERT_THAT(taken, SizeIs(1));
    EXPECT_FALSE(taken[0].taken);
    EXPECT_THAT(taken[0].note, HasSubstr("/nowhere/instances/web"));
}

}  // namespace
}  // namespace imgforge::lifecycle
