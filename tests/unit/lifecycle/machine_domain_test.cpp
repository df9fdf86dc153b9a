// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_domain.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/address.hpp"
#include "pipelines/lifecycle/ssh_access.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::Contains;
using testing::HasSubstr;
using testing::Not;

MachineRecord a_machine() {
    MachineRecord record;
    record.name = "web-1";
    record.uuid = "11111111-2222-4333-8444-555555555555";
    record.image = "debian13";
    record.generation = 3;
    record.connection = "qemu:///embed";
    record.disk = "/h/instances/web-1/disk.qcow2";
    record.backing = {"/h/images/debian13/3/disk.qcow2", "/h/images/debian13/2/disk.qcow2"};
    record.seed = "/h/instances/web-1/seed.iso";
    record.memory = ByteSize::gib(1);
    record.ssh_port = 22001;
    record.nics = {{parse_network("user,mac=52:54:00:00:00:01")},
                   {parse_network("user,mac=52:54:00:00:00:02")}};
    return record;
}

TEST(MachineDomain, states_the_whole_backing_chain) {
    const std::string xml =
        virt::domain_xml(machine_domain(a_machine(), "/h/instances/web-1", virt::DomainSpec::Accel::tcg));

    EXPECT_THAT(xml, HasSubstr("/h/images/debian13/3/disk.qcow2"));
    EXPECT_THAT(xml, HasSubstr("/h/images/debian13/2/disk.qcow2"));
    EXPECT_THAT(xml, HasSubstr("<backingStore />"));
    EXPECT_THAT(xml, HasSubstr("console.sock"));
}

TEST(MachineDomain, a_root_disk_in_a_ceph_pool_is_opened_with_libvirts_secret) {
    MachineRecord record = a_machine();
    record.ceph = CephRoot{"rbd:images:conf=/srv/ceph.conf:id=forge", "imgforge client.forge of abc"};
    record.disk = "rbd:images/web-1";
    record.disk_format = "raw";
    record.backing = {"rbd:images/debian13@g3"};

    const std::string xml =
        virt::domain_xml(machine_domain(record, "/h/instances/web-1", virt::DomainSpec::Accel::tcg));

    EXPECT_THAT(xml, HasSubstr("<source protocol=\"rbd\" name=\"images/web-1\">"));
    EXPECT_THAT(xml, HasSubstr("<config file=\"/srv/ceph.conf\" />"));
    EXPECT_THAT(xml, HasSubstr("<auth username=\"forge\">"));
    EXPECT_THAT(xml, HasSubstr("usage=\"imgforge client.forge of abc\""));
    EXPECT_THAT(xml, Not(HasSubstr("g3")));
    EXPECT_EQ(virt::read_domain_xml(xml).disks.front().path, "rbd:images/web-1");

    record.ceph->secret.clear();
    EXPECT_THAT(virt::domain_xml(machine_domain(record, "/h", virt::DomainSpec::Accel::tcg)),
                Not(HasSubstr("<auth")));
}

TEST(MachineDomain, a_disk_that_is_read_from_a_server_halts_the_machine_when_that_fails) {
    MachineRecord record = a_machine();
    record.backing.clear();
    record.lazy = LazyRoot{
        .source = "web", .url = "http://h/debian13-3.qcow2", .socket = "/h/instances/web-1/base.sock"};

    const std::string xml =
        virt::domain_xml(machine_domain(record, "/h/instances/web-1", virt::DomainSpec::Accel::tcg));

    EXPECT_THAT(xml, HasSubstr("<backingStore type=\"network\">"));
    EXPECT_THAT(xml, HasSubstr("socket=\"/h/instances/web-1/base.sock\""));
    EXPECT_THAT(xml, HasSubstr("rerror_policy=\"stop\""));
    EXPECT_THAT(virt::domain_xml(machine_domain(a_machine(), "/h", virt::DomainSpec::Accel::tcg)),
                Not(HasSubstr("rerror_policy")));
}

TEST(MachineDomain, the_record_keeps_where_a_root_disk_comes_from) {
    MachineRecord record = a_machine();
    record.ceph = CephRoot{"rbd:images", "secret"};
    record.lazy = LazyRoot{"web", "http://h/d.qcow2", 7, "/h/base.sock", 42};

    const MachineRecord read = machine_record(to_json(record), "test");

    ASSERT_TRUE(read.ceph && read.lazy);
    EXPECT_EQ(read.ceph->pool, "rbd:images");
    EXPECT_EQ(read.ceph->secret, "secret");
    EXPECT_EQ(read.lazy->url, "http://h/d.qcow2");
    EXPECT_EQ(read.lazy->generation, 7);
    EXPECT_EQ(read.lazy->socket, "/h/base.sock");
    EXPECT_EQ(read.lazy->pid, 42);
    EXPECT_FALSE(machine_record(to_json(a_machine()), "test").ceph);
}

TEST(MachineDomain, an_emulated_processor_is_as_the_guest_needs_it) {
    MachineRecord record = a_machine();
    record.processor = ProcessorLevel::v2;
    const auto spec = machine_domain(record, "/h/instances/web-1", virt::DomainSpec::Accel::tcg);
    EXPECT_EQ(spec.processor, ProcessorLevel::v2);
    EXPECT_THAT(virt::domain_xml(spec), HasSubstr("Nehalem"));
}

TEST(MachineDomain, data_disks_come_before_the_seed_which_is_read_only_virtio) {
    MachineRecord record = a_machine();
    record.data_disks = {{"/h/d.qcow2", "qcow2", ByteSize::gib(1)}};

    const auto spec = machine_domain(record, "/h/instances/web-1", virt::DomainSpec::Accel::tcg);

    ASSERT_EQ(spec.disks.size(), 3U);
    EXPECT_EQ(spec.disks[1].target, "vdb");
    EXPECT_EQ(spec.disks[1].path, "/h/d.qcow2");
    EXPECT_EQ(spec.disks[2].bus, "virtio");
    EXPECT_TRUE(spec.disks[2].readonly);
}

TEST(MachineDomain, only_the_first_user_nic_leads_to_ssh) {
    const auto spec = machine_domain(a_machine(), "/h/instances/web-1", virt::DomainSpec::Accel::tcg);

    ASSERT_EQ(spec.nics.size(), 2U);
    ASSERT_EQ(spec.nics[0].forwards.size(), 1U);
    EXPECT_EQ(spec.nics[0].forwards[0].host_port, 22001);
    EXPECT_EQ(spec.nics[0].forwards[0].host_address, "127.0.0.1");
    EXPECT_TRUE(spec.nics[1].forwards.empty());
}

TEST(MachineDomain, a_remote_machine_logs_nothing_here) {
    MachineRecord record = a_machine();
    record.connection = "qemu+ssh://lab1/system";
    const auto spec = machine_domain(record, "/h/instances/web-1", virt::DomainSpec::Accel::kvm);
    EXPECT_TRUE(spec.serials.at(0).log.empty());
}

TEST(SshArguments, trust_only_the_key_made_for_the_machine) {
    const SshTarget target{"web-1", "127.0.0.1", 22001, "debian", "/k/id", "/k/hosts"};

    const auto arguments = ssh_arguments(target, "true", true);

    EXPECT_THAT(arguments, Contains("StrictHostKeyChecking=yes"));
    EXPECT_THAT(arguments, Contains("HostKeyAlias=web-1"));
    EXPECT_THAT(arguments, Contains("BatchMode=yes"));
    EXPECT_THAT(arguments, Not(Contains("-J")));
    EXPECT_EQ(arguments.back(), "true");
}

TEST(UsableAddress, leaves_out_what_no_other_host_could_reach) {
    EXPECT_TRUE(is_usable_address("192.168.122.5"));
    EXPECT_TRUE(is_usable_address("2001:db8::1"));
    for (const char* address : {"127.0.0.1", "169.254.1.1", "224.0.0.1", "0.0.0.0", "::1", "fe80::1",
                                "ff02::1", "::", "nonsense", ""}) {
        EXPECT_FALSE(is_usable_address(address)) << address;
    }
}

}  // namespace
}  // namespace imgforge::lifecycle
