// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_takeover.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/virt/domain_xml.hpp"

namespace imgforge::virt {
namespace {

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

DomainSpec machine(const std::string& generation = "3") {
    DomainSpec spec;
    spec.name = "web-1";
    spec.uuid = "11111111-2222-4333-8444-555555555555";
    spec.memory = ByteSize::gib(1);
    spec.vcpus = 1;
    spec.disks = {{.path = "/h/instances/web-1/disk.qcow2",
                   .format = "qcow2",
                   .target = "vda",
                   .backing = {{"/h/images/d/" + generation + "/disk.qcow2", "qcow2"}}}};
    spec.nics = {{.source = "default", .mac = "52:54:00:00:00:01"}};
    spec.metadata = {{"generation", generation}};
    return spec;
}

/// As `virsh edit`, setmaxmem, attach-disk and attach-device would leave it.
std::string changed_by_others() {
    std::string xml = domain_xml(machine());
    const auto replace = [&xml](const std::string& from, const std::string& to) {
        xml.replace(xml.find(from), from.size(), to);
    };
    replace("<memory unit=\"KiB\">1048576", "<memory unit=\"KiB\">2097152");
    replace("<vcpu>1", "<vcpu>4");
    replace("</devices>",
            "<disk type='file' device='disk'><driver name='qemu' type='raw'/><source file='/srv/extra.img'/>"
            "<target dev='vdc' bus='virtio'/></disk><watchdog model='i6300esb' action='reset'/></devices>");
    return xml;
}

TEST(DomainTakeover, what_other_tools_changed_stays_and_the_new_image_comes_in) {
    const std::string xml = carried_over_xml(changed_by_others(), domain_xml(machine("4")), false);

    const DomainFacts facts = read_domain_xml(xml);
    EXPECT_EQ(facts.memory, ByteSize::gib(2));
    EXPECT_EQ(facts.vcpus, 4);
    EXPECT_THAT(facts.disk_paths, ElementsAre("/h/instances/web-1/disk.qcow2", "/srv/extra.img"));
    EXPECT_THAT(facts.devices, Contains("watchdog i6300esb"));
    EXPECT_EQ(facts.metadata.at("generation"), "4");
    EXPECT_THAT(xml, HasSubstr("/h/images/d/4/disk.qcow2"));
    EXPECT_THAT(xml, Not(HasSubstr("/h/images/d/3/disk.qcow2")));
}

TEST(DomainTakeover, a_lost_nic_comes_back_only_when_asked_for) {
    DomainSpec without = machine();
    without.nics.clear();

    EXPECT_TRUE(
        read_domain_xml(carried_over_xml(domain_xml(without), domain_xml(machine()), false)).macs.empty());
    EXPECT_THAT(read_domain_xml(carried_over_xml(domain_xml(without), domain_xml(machine()), true)).macs,
                ElementsAre("52:54:00:00:00:01"));
}

TEST(DomainTakeover, ports_of_a_user_network_follow_and_arguments_of_others_stay) {
    DomainSpec before = machine();
    before.nics = {
        {.kind = NicSpec::Kind::user, .mac = "52:54:00:00:00:01", .forwards = {{"127.0.0.1", 22001, 22}}}};
    before.qemu_args = {"-global", "foo.bar=1"};
    DomainSpec after = before;
    after.qemu_args.clear();
    after.nics[0].forwards.push_back({"127.0.0.1", 8080, 80});

    const std::string xml = carried_over_xml(domain_xml(before), domain_xml(after), false);

    EXPECT_THAT(xml, HasSubstr("hostfwd=tcp:127.0.0.1:8080-:80"));
    EXPECT_THAT(xml, HasSubstr("foo.bar=1"));
}

TEST(DomainTakeover, a_renamed_machine_has_no_path_of_its_old_folder) {
    const std::string xml =
        moved_domain_xml(changed_by_others(), "shop", "/h/instances/web-1", "/h/instances/shop");

    EXPECT_THAT(xml, Not(HasSubstr("web-1")));
    EXPECT_THAT(read_domain_xml(xml).disk_paths,
                ElementsAre("/h/instances/shop/disk.qcow2", "/srv/extra.img"));
}

TEST(DomainTakeover, a_merged_snapshot_leaves_no_trace_of_the_upper_file) {
    const std::string xml = replaced_disk_xml(domain_xml(machine()), "/h/instances/web-1/disk.qcow2",
                                              "/h/instances/web-1/base.qcow2");
    EXPECT_THAT(read_domain_xml(xml).disk_paths, ElementsAre("/h/instances/web-1/base.qcow2"));
    EXPECT_THAT(xml, Not(HasSubstr("<backingStore")));
}

TEST(DomainTakeover, refuses_what_is_no_domain) {
    EXPECT_THROW(carried_over_xml("<network/>", domain_xml(machine()), false), Error);
}

TEST(XmlOverride, sets_values_attributes_and_makes_what_is_missing) {
    DomainSpec spec = machine();
    spec.xml_overrides = {"./memory=4194304", "./devices/disk[@device='disk']/driver/@cache=none",
                          "./clock/timer[@name='rtc']/@tickpolicy=catchup",
                          "xpath.delete=./devices/memballoon"};

    const std::string xml = domain_xml(spec);

    EXPECT_EQ(read_domain_xml(xml).memory, ByteSize::gib(4));
    EXPECT_THAT(xml, HasSubstr("cache=\"none\""));
    EXPECT_THAT(xml, HasSubstr("<timer name=\"rtc\" tickpolicy=\"catchup\" />"));
    EXPECT_THAT(xml, Not(HasSubstr("memballoon")));
}

TEST(XmlOverride, refuses_what_names_no_place) {
    for (const char* const text :
         {"memory=1", "./memory", "./devices/disk[=1", "./a[3]/b=1", "/domain/x=1"}) {
        DomainSpec spec = machine();
        spec.xml_overrides = {text};
        EXPECT_THROW(domain_xml(spec), Error) << text;
    }
}

}  // namespace
}  // namespace imgforge::virt
