// SPDX-License-Identifier: GPL-3.0-or-later
// What others did to a machine, and what imgforge itself set, is still there afterwards: on real libvirt and
// QEMU images, with machines that never start.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/clone.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/rename.hpp"
#include "pipelines/lifecycle/repair.hpp"
#include "pipelines/lifecycle/resize.hpp"
#include "pipelines/lifecycle/root_disk.hpp"
#include "pipelines/lifecycle/snapshot_merge.hpp"
#include "pipelines/lifecycle/snapshots.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/lifecycle/machine_home.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::IsEmpty;

class KeptTools : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program : {"qemu-system-x86_64", "qemu-img", "qemu-io"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        home_.emplace();
        lifecycle_ = std::make_unique<Lifecycle>(Host{.places = home_->places,
                                                      .settings = home_->settings,
                                                      .processes = &home_->processes,
                                                      .clock = &home_->clock,
                                                      .monitor = &home_->monitor,
                                                      .connection = "embedded"});
        spawn(*lifecycle_, {.image = "tiny", .name = "web-1", .start = false, .wait = Wait::none});
    }

    void io(const std::filesystem::path& disk, const std::string& command) {
        ProcessSpec spec{.program = "qemu-io", .args = {"-f", "qcow2", "-c", command, disk.string()}};
        const auto result = home_->processes.run(spec);
        ASSERT_TRUE(result.ok() && result.out.find("failed") == std::string::npos)
            << result.out << result.err;
    }

    virt::DomainFacts defined(const std::string& name = "web-1") {
        const auto record = lifecycle_->require(name);
        return virt::read_domain_xml(lifecycle_->open(record).find(record.uuid)->xml(true));
    }

    template <class Body>
    std::string refusal(Body&& body, Failure kind) {
        try {
            body();
        } catch (const Error& error) {
            EXPECT_EQ(error.kind(), kind) << error.describe();
            return error.describe();
        }
        return "no error";
    }

    std::optional<test::MachineHome> home_;
    std::unique_ptr<Lifecycle> lifecycle_;
};

TEST_F(KeptTools, sizes_set_here_and_devices_given_elsewhere_survive_a_respawn) {
    set_machine(*lifecycle_, "web-1",
                {.memory = ByteSize::gib(2), .vcpus = 3, .data_disks = {ByteSize::mib(64)}});
    {
        const auto record = lifecycle_->require("web-1");
        lifecycle_->open(record)
            .find(record.uuid)
            ->attach_to_definition("<watchdog model='i6300esb' action='reset'/>");
    }
    EXPECT_THAT(drift(*lifecycle_, lifecycle_->require("web-1")), Contains(HasSubstr("watchdog i6300esb")));

    respawn_machine(*lifecycle_, "web-1", "", std::chrono::seconds(0));

    const auto facts = defined();
    EXPECT_EQ(facts.memory, ByteSize::gib(2));
    EXPECT_EQ(facts.vcpus, 3);
    EXPECT_THAT(facts.devices, Contains("watchdog i6300esb"));
    EXPECT_THAT(facts.disk_paths, Contains(HasSubstr("data-1.qcow2")));
}

TEST_F(KeptTools, a_snapshot_brings_the_disk_back_and_nothing_throws_it_away_silently) {
    const auto disk = lifecycle_->require("web-1").disk;
    io(disk, "write -P 0x5a 1M 64k");
    EXPECT_EQ(take_snapshot(*lifecycle_, "web-1", "", "before"), "s1");
    io(disk, "write -P 0x77 1M 64k");
    set_machine(*lifecycle_, "web-1", {.memory = ByteSize::gib(2)});

    EXPECT_THAT(refusal([&] { respawn_machine(*lifecycle_, "web-1", "", std::chrono::seconds(0)); },
                        Failure::integrity),
                HasSubstr("--drop-snapshots"));
    EXPECT_THAT(refusal([&] { consolidate_machine(*lifecycle_, "web-1"); }, Failure::integrity),
                HasSubstr("s1"));
    restore_snapshot(*lifecycle_, "web-1", "s1", {});

    io(disk, "read -P 0x5a 1M 64k");
    EXPECT_EQ(defined().memory, ByteSize::gib(2)) << "what was set since then stays";
    delete_snapshot(*lifecycle_, "web-1", "s1");
    EXPECT_THAT(list_snapshots(*lifecycle_, "web-1"), IsEmpty());
    EXPECT_TRUE(consolidate_machine(*lifecycle_, "web-1"));
    io(lifecycle_->require("web-1").disk, "read -P 0x5a 1M 64k");
}

TEST_F(KeptTools, a_domain_on_another_disk_is_neither_flattened_nor_defined_anew) {
    const auto record = lifecycle_->require("web-1");
    const auto above = lifecycle_->folder("web-1") / "disk.before";
    ProcessSpec create{.program = "qemu-img", .args = {"create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"}};
    create.args.insert(create.args.end(), {record.disk.string(), above.string()});
    run_checked(home_->processes, create);
    io(above, "write -P 0x5a 2M 64k");
    {
        const auto connection = lifecycle_->open(record);
        std::string xml = connection.find(record.uuid)->xml(true);
        xml.replace(xml.find(record.disk.string()), record.disk.string().size(), above.string());
        connection.define(xml);
    }

    for (const auto& attempt : std::vector<std::function<void()>>{
             [&] { consolidate_machine(*lifecycle_, "web-1"); },
             [&] { respawn_machine(*lifecycle_, "web-1", "", std::chrono::seconds(0)); },
             [&] { repair_machine(*lifecycle_, "web-1"); },
             [&] { set_machine(*lifecycle_, "web-1", {.disk = ByteSize::mib(32)}); }}) {
        EXPECT_THAT(refusal(attempt, Failure::integrity), HasSubstr("--merge"));
    }
    EXPECT_TRUE(merge_snapshots(*lifecycle_, "web-1"));

    io(record.disk, "read -P 0x5a 2M 64k");
    EXPECT_THAT(defined().disk_paths, Contains(record.disk.string()));
    EXPECT_FALSE(std::filesystem::exists(above));
    EXPECT_TRUE(consolidate_machine(*lifecycle_, "web-1"));
    io(record.disk, "read -P 0x5a 2M 64k");
}

TEST_F(KeptTools, a_data_disk_under_an_external_snapshot_is_merged_and_never_put_beside_itself) {
    set_machine(*lifecycle_, "web-1", {.data_disks = {ByteSize::mib(8)}});
    const auto record = lifecycle_->require("web-1");
    const auto data = record.data_disks.at(0).path;
    const auto above = lifecycle_->folder("web-1") / "data-1.before";
    ProcessSpec create{.program = "qemu-img", .args = {"create", "-q", "-f", "qcow2", "-F", "qcow2", "-b"}};
    create.args.insert(create.args.end(), {data.string(), above.string()});
    run_checked(home_->processes, create);
    io(above, "write -P 0x5a 2M 64k");
    {
        const auto connection = lifecycle_->open(record);
        std::string xml = connection.find(record.uuid)->xml(true);
        xml.replace(xml.find(data.string()), data.string().size(), above.string());
        connection.define(xml);
    }
    EXPECT_THAT(drift(*lifecycle_, record),
                testing::ElementsAre(HasSubstr("an external snapshot on the data disk")));
    for (const auto& attempt : std::vector<std::function<void()>>{
             [&] { rename_machine(*lifecycle_, "web-1", "web-2"); },
             [&] { respawn_machine(*lifecycle_, "web-1", "", std::chrono::seconds(0)); },
             [&] { repair_machine(*lifecycle_, "web-1"); },
             [&] { clone_machine(*lifecycle_, "web-1", {.name = "web-2", .start = false}); }}) {
        EXPECT_THAT(refusal(attempt, Failure::integrity), HasSubstr("--merge"));
    }

    EXPECT_TRUE(merge_snapshots(*lifecycle_, "web-1"));

    io(data, "read -P 0x5a 2M 64k");
    EXPECT_THAT(defined().disk_paths, Contains(data.string()));
    EXPECT_FALSE(std::filesystem::exists(above));
    EXPECT_THAT(drift(*lifecycle_, lifecycle_->require("web-1")), IsEmpty());
}

TEST_F(KeptTools, a_renamed_machine_is_whole_under_its_new_name) {
    rename_machine(*lifecycle_, "web-1", "shop-1");

    const auto record = lifecycle_->require("shop-1");
    EXPECT_FALSE(lifecycle_->reservations().find("web-1"));
    EXPECT_EQ(defined("shop-1").name, "shop-1");
    EXPECT_THAT(drift(*lifecycle_, record), IsEmpty());
    EXPECT_THAT(home_->folders(), testing::ElementsAre("shop-1"));
    EXPECT_EQ(respawn_machine(*lifecycle_, "shop-1", "", std::chrono::seconds(0)).to, 1);
}

TEST_F(KeptTools, a_clone_shares_the_disk_and_nothing_else) {
    io(lifecycle_->require("web-1").disk, "write -P 0x5a 1M 64k");

    clone_machine(*lifecycle_, "web-1", {.name = "web-2", .start = false});

    const auto first = lifecycle_->require("web-1");
    const auto second = lifecycle_->require("web-2");
    io(second.disk, "read -P 0x5a 1M 64k");
    EXPECT_NE(first.uuid, second.uuid);
    EXPECT_NE(first.instance_id, second.instance_id);
    EXPECT_NE(first.host_keys, second.host_keys);
    EXPECT_NE(first.nics.at(0).network.mac, second.nics.at(0).network.mac);
    EXPECT_NE(first.ssh_port, second.ssh_port);
    EXPECT_EQ(second.backing, first.backing);
}

TEST_F(KeptTools, a_protected_machine_is_not_destroyed) {
    set_machine(*lifecycle_, "web-1", {.protect = true});
    EXPECT_THAT(refusal([&] { destroy_machine(*lifecycle_, "web-1"); }, Failure::domain),
                HasSubstr("--protect off"));
    set_machine(*lifecycle_, "web-1", {.protect = false});
    destroy_machine(*lifecycle_, "web-1", {}, true);
    EXPECT_THAT(home_->folders(), IsEmpty());
}

}  // namespace
}  // namespace imgforge::lifecycle
