// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/reservations.hpp"

#include <atomic>
#include <set>
#include <thread>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;

MachineRecord a_reservation() {
    MachineRecord record;
    record.image = "debian13";
    record.generation = 3;
    record.connection = "qemu:///embed";
    record.user = "debian";
    record.nics.push_back({parse_network("user")});
    record.memory = ByteSize::gib(1);
    return record;
}

class ReservationsTest : public testing::Test {
protected:
    TempDir folder_{"imgforge-test"};
    StateDb database_{folder_ / "state.db"};
    Reservations reservations_{database_, folder_ / "instances"};

    std::vector<Reserved> reserve(std::string_view pattern, std::size_t count = 1, bool port = false) {
        return reservations_.reserve(
            {NamePattern(pattern, count > 1 && pattern.find('{') == std::string_view::npos), count,
             a_reservation(), port});
    }
};

TEST_F(ReservationsTest, everything_that_must_differ_differs) {
    const auto many = reserve("web-{n}", 64, true);

    std::set<std::string> names;
    std::set<std::string> macs;
    std::set<std::string> ids;
    std::set<std::string> uuids;
    std::set<std::uint16_t> ports;
    for (const auto& one : many) {
        names.insert(one.record.name);
        macs.insert(*one.record.nics.at(0).network.mac);
        ids.insert(one.record.instance_id);
        uuids.insert(one.record.uuid);
        ports.insert(*one.record.ssh_port);
    }
    EXPECT_EQ(names.size(), 64U);
    EXPECT_EQ(macs.size(), 64U);
    EXPECT_EQ(ids.size(), 64U);
    EXPECT_EQ(uuids.size(), 64U);
    EXPECT_EQ(ports.size(), 64U);
}

TEST_F(ReservationsTest, a_name_stays_taken_until_it_is_forgotten) {
    MachineRecord record = reserve("web").at(0).record;
    record.state = RecordState::destroyed;
    reservations_.save(record);

    EXPECT_THROW(reserve("web"), Error);
    EXPECT_THROW(reserve("WEB"), Error) << "host names know no case";

    reservations_.forget("web");
    EXPECT_NO_THROW(reserve("web"));
}

TEST_F(ReservationsTest, of_many_at_once_exactly_one_gets_the_name) {
    std::atomic<int> won = 0;
    std::atomic<int> refused = 0;
    std::vector<std::jthread> threads;
    std::vector<std::vector<Reserved>> kept(32);
    for (std::size_t i = 0; i < 32; ++i) {
        threads.emplace_back([&, i] {
            StateDb database(folder_ / "state.db");
            Reservations own(database, folder_ / "instances");
            try {
                kept[i] = own.reserve({NamePattern("web", false), 1, a_reservation()});
                ++won;
            } catch (const Error& error) {
                EXPECT_THAT(error.message(), HasSubstr("taken"));
                ++refused;
            }
        });
    }
    threads.clear();

    EXPECT_EQ(won, 1);
    EXPECT_EQ(refused, 31);
}

TEST_F(ReservationsTest, a_taken_mac_leaves_nothing_reserved) {
    MachineRecord common = a_reservation();
    common.nics[0].network.mac = "52:54:00:00:00:01";
    reservations_.reserve({NamePattern("a", false), 1, common});

    EXPECT_THROW(reservations_.reserve({NamePattern("b", false), 1, common}), Error);
    EXPECT_FALSE(reservations_.find("b"));
    EXPECT_THROW(
        reservations_.reserve({NamePattern("c", false), 1, common, false, {}, {"52:54:00:00:00:01"}}), Error);
}

TEST_F(ReservationsTest, foreign_domains_keep_their_names) {
    EXPECT_THROW(reservations_.reserve({NamePattern("a", false), 1, a_reservation(), false, {"a"}}), Error);
    EXPECT_EQ(reservations_.reserve({NamePattern("a-{n}", false), 1, a_reservation(), false, {"a-1"}})
                  .at(0)
                  .record.name,
              "a-2");
}

TEST_F(ReservationsTest, a_record_reads_back_as_it_was_written) {
    MachineRecord record = reserve("web", 1, true).at(0).record;
    record.state = RecordState::ready;
    record.disk = "/x/disk.qcow2";
    record.backing = {"/b/disk.qcow2", "/a/disk.qcow2"};
    record.data_disks = {{"/x/data.qcow2", "qcow2", ByteSize::gib(3)}};
    record.shares = {{"/srv", "srv", true}, {"/fast", "fast", false, true}};
    record.warm = true;
    record.host_keys = {"ssh-ed25519 AAAA"};
    record.comment = "ü \"quoted\"";
    record.autostart = true;
    record.seconds = 1.5;
    reservations_.save(record);

    const auto found = reservations_.find("Web");

    ASSERT_TRUE(found);
    EXPECT_EQ(to_json(*found), to_json(record));
    EXPECT_TRUE(found->warm);
    EXPECT_TRUE(found->shares.at(1).virtiofs);
}

TEST_F(ReservationsTest, a_lost_row_is_adopted_but_never_over_another_machine) {
    const MachineRecord record = reserve("web").at(0).record;
    reservations_.forget("web");

    EXPECT_TRUE(reservations_.adopt(record));
    EXPECT_FALSE(reservations_.adopt(record));
    MachineRecord thief = record;
    thief.name = "other";
    thief.uuid = "11111111-2222-4333-8444-555555555555";
    thief.instance_id = "i-other";
    EXPECT_FALSE(reservations_.adopt(thief)) << "its MAC belongs to web";
    EXPECT_FALSE(reservations_.find("other"));
}

TEST_F(ReservationsTest, a_moved_port_is_a_new_one_and_recorded) {
    MachineRecord record = reserve("web", 1, true).at(0).record;
    const auto before = record.ssh_port;

    const PortHold hold = reservations_.move_port(record);

    EXPECT_NE(record.ssh_port, before);
    EXPECT_EQ(hold.port(), record.ssh_port);
    EXPECT_EQ(reservations_.find("web")->ssh_port, record.ssh_port);
}

TEST(MachineRecordJson, keeps_the_processor_level_and_reads_older_records) {
    MachineRecord record = a_reservation();
    record.nics.clear();  // without MACs until they are reserved
    record.processor = ProcessorLevel::v2;
    EXPECT_EQ(machine_record(to_json(record), "x").processor, ProcessorLevel::v2);
    record.processor = std::nullopt;
    Json json = to_json(record);
    EXPECT_EQ(machine_record(json, "x").processor, std::nullopt);
    json.erase("processor");
    json["needs_cx16"] = false;
    EXPECT_EQ(machine_record(json, "x").processor, ProcessorLevel::v1);
    json["needs_cx16"] = true;
    EXPECT_EQ(machine_record(json, "x").processor, std::nullopt);
}

TEST(MachineRecordJson, a_damaged_record_is_an_integrity_error) {
    EXPECT_THROW(machine_record(Json::object(), "x"), Error);
    Json json = to_json(a_reservation());
    json["nics"][0]["mac"] = "52:54:00:00:00:02";
    json["record_state"] = "floating";
    EXPECT_THROW(machine_record(json, "x"), Error);
}

}  // namespace
}  // namespace imgforge::lifecycle
