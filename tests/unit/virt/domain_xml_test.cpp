// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_xml.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "builder/base/error.hpp"
#include "builder/base/json.hpp"

namespace imgforge::virt {
namespace {

using ::testing::ElementsAre;
using ::testing::HasSubstr;

DomainSpec small_machine() {
    DomainSpec spec{.name = "web-1", .uuid = "7f3c1b1e-0000-4000-8000-000000000001"};
    spec.disks.push_back({.path = "/srv/web-1/disk.qcow2",
                          .format = "qcow2",
                          .target = "vda",
                          .backing = {{.path = "/srv/images/debian13/3/disk.qcow2", .format = "qcow2"}}});
    return spec;
}

pugi::xml_document parsed(const std::string& xml) {
    pugi::xml_document document;
    EXPECT_TRUE(document.load_string(xml.c_str())) << xml;
    return document;
}

std::string message_of(const DomainSpec& spec) {
    try {
        domain_xml(spec);
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::domain);
        return error.message();
    }
    return "no error";
}

TEST(DomainXml, states_the_whole_backing_chain_so_that_nothing_is_probed) {
    const auto document = parsed(domain_xml(small_machine()));

    const auto disk = document.child("domain").child("devices").child("disk");
    EXPECT_STREQ(disk.child("driver").attribute("type").value(), "qcow2");
    const auto below = disk.child("backingStore");
    EXPECT_STREQ(below.child("source").attribute("file").value(), "/srv/images/debian13/3/disk.qcow2");
    EXPECT_STREQ(below.child("format").attribute("type").value(), "qcow2");
    EXPECT_TRUE(below.child("backingStore"));
    EXPECT_FALSE(below.child("backingStore").first_child());
}

TEST(DomainXml, escapes_names_paths_and_kernel_lines) {
    DomainSpec spec = small_machine();
    spec.title = "a <b> & \"c\"";
    spec.disks.front().path = "/srv/it's <odd> & long/disk.qcow2";
    spec.boot = DirectBoot{.kernel = "/boot/vmlinuz", .cmdline = "ds=nocloud;s=http://10.0.2.2/?a=1&b=<2>"};

    const auto domain_document = parsed(domain_xml(spec));
    const auto domain = domain_document.child("domain");

    EXPECT_STREQ(domain.child_value("title"), "a <b> & \"c\"");
    EXPECT_STREQ(domain.child("devices").child("disk").child("source").attribute("file").value(),
                 "/srv/it's <odd> & long/disk.qcow2");
    EXPECT_STREQ(domain.child("os").child_value("cmdline"), "ds=nocloud;s=http://10.0.2.2/?a=1&b=<2>");
}

TEST(DomainXml, picks_the_processor_by_acceleration) {
    DomainSpec spec = small_machine();
    spec.accel = DomainSpec::Accel::tcg;
    spec.tcg_cache = ByteSize::mib(512);
    const auto tcg_document = parsed(domain_xml(spec));
    const auto tcg = tcg_document.child("domain");
    EXPECT_STREQ(tcg.attribute("type").value(), "qemu");
    EXPECT_STREQ(tcg.child("cpu").attribute("mode").value(), "maximum");
    EXPECT_STREQ(tcg.child("features").child("tcg").child_value("tb-cache"), "512");

    spec.accel = DomainSpec::Accel::kvm;
    const auto kvm_document = parsed(domain_xml(spec));
    const auto kvm = kvm_document.child("domain");
    EXPECT_STREQ(kvm.attribute("type").value(), "kvm");
    EXPECT_STREQ(kvm.child("cpu").attribute("mode").value(), "host-passthrough");
    EXPECT_FALSE(kvm.child("features").child("tcg"));
}

/// "custom Nehalem check=none without a b".
std::string processor(const DomainSpec& spec) {
    const auto document = parsed(domain_xml(spec));
    const auto cpu = document.child("domain").child("cpu");
    std::string text = cpu.attribute("mode").value();
    if (cpu.child("model")) {
        text += std::string(" ") + cpu.child_value("model");
    }
    if (cpu.attribute("check")) {
        text += std::string(" check=") + cpu.attribute("check").value();
    }
    for (const auto feature : cpu.children("feature")) {
        text += fmt::format(" {}={}", feature.attribute("name").value(), feature.attribute("policy").value());
    }
    return text;
}

TEST(DomainXml, emulates_no_more_than_the_guest_is_compiled_for) {
    DomainSpec spec = small_machine();
    spec.accel = DomainSpec::Accel::tcg;
    spec.processor = ProcessorLevel::v1;
    EXPECT_EQ(processor(spec), "custom qemu64 check=none cx16=disable");
    spec.processor = ProcessorLevel::v2;
    EXPECT_EQ(processor(spec), "custom Nehalem check=none");
    spec.processor = ProcessorLevel::v3;
    EXPECT_EQ(processor(spec),
              "custom Haswell-noTSX check=none pcid=disable x2apic=disable tsc-deadline=disable "
              "invpcid=disable");
    spec.processor = std::nullopt;
    EXPECT_EQ(processor(spec), "maximum");
}

TEST(DomainXml, the_guests_level_is_nothing_to_kvm_other_architectures_and_a_cpu_that_was_asked_for) {
    DomainSpec spec = small_machine();
    spec.processor = ProcessorLevel::v1;
    spec.accel = DomainSpec::Accel::kvm;
    EXPECT_EQ(processor(spec), "host-passthrough");
    spec.accel = DomainSpec::Accel::tcg;
    spec.cpu = "EPYC";
    EXPECT_EQ(processor(spec), "custom EPYC");
    spec.cpu = "maximum";
    EXPECT_EQ(processor(spec), "maximum");
    spec.cpu = "";
    spec.arch = "aarch64";
    EXPECT_EQ(processor(spec), "maximum");
}

TEST(DomainXml, forwards_ports_of_a_user_nic_through_the_qemu_command_line) {
    DomainSpec spec = small_machine();
    spec.nics.push_back(
        {.kind = NicSpec::Kind::user, .mac = "52:54:00:01:02:03", .forwards = {{.host_port = 40022}}});

    const std::string xml = domain_xml(spec);

    EXPECT_THAT(xml, HasSubstr("user,id=imgforge-net0,hostfwd=tcp:127.0.0.1:40022-:22"));
    const auto document = parsed(xml);
    const std::string card =
        document.child("domain").child("qemu:commandline").last_child().attribute("value").value();
    EXPECT_EQ(
        parse_json(card, "card"),
        Json::parse(R"({"driver": "virtio-net-pci", "netdev": "imgforge-net0", "mac": "52:54:00:01:02:03",
                                                         "romfile": "", "bus": "pcie.0", "addr": "0x10"})"));
    EXPECT_FALSE(document.child("domain").child("devices").child("interface"));
    EXPECT_THAT(read_domain_xml(xml).macs, ElementsAre("52:54:00:01:02:03"));
}

TEST(DomainXml, tags_a_vlan_on_a_bridge) {
    DomainSpec spec = small_machine();
    spec.nics.push_back(
        {.kind = NicSpec::Kind::bridge, .source = "br0", .mac = "52:54:00:01:02:03", .vlan = 42});

    const auto nic_document = parsed(domain_xml(spec));
    const auto nic = nic_document.child("domain").child("devices").child("interface");

    EXPECT_STREQ(nic.attribute("type").value(), "bridge");
    EXPECT_STREQ(nic.child("source").attribute("bridge").value(), "br0");
    EXPECT_EQ(nic.child("vlan").child("tag").attribute("id").as_int(), 42);
}

TEST(DomainXml, refuses_what_cannot_be) {
    DomainSpec spec = small_machine();
    spec.secure_boot = true;
    EXPECT_THAT(message_of(spec), HasSubstr("secure boot needs firmware uefi"));

    spec = small_machine();
    spec.disks.front().format.clear();
    EXPECT_THAT(message_of(spec), HasSubstr("must be stated"));

    spec = small_machine();
    spec.disks.front().path = "disk.qcow2";
    EXPECT_THAT(message_of(spec), HasSubstr("not absolute"));

    spec = small_machine();
    spec.serials.push_back({.kind = CharacterSpec::Kind::unix_socket, .path = "/" + std::string(107, 'x')});
    EXPECT_THAT(message_of(spec), HasSubstr("socket path of 108 bytes"));
    spec.serials.front().path = "/" + std::string(106, 'x');
    EXPECT_EQ(message_of(spec), "no error");
}

TEST(DomainXml, reads_its_own_facts_back) {
    DomainSpec spec = small_machine();
    spec.metadata = {{"image", "debian13"}, {"generation", "3"}};
    spec.nics.push_back({.kind = NicSpec::Kind::network, .source = "default", .mac = "52:54:00:aa:bb:cc"});

    const DomainFacts facts = read_domain_xml(domain_xml(spec));

    EXPECT_EQ(facts.name, "web-1");
    EXPECT_EQ(facts.uuid, spec.uuid);
    EXPECT_EQ(facts.metadata, spec.metadata);
    EXPECT_THAT(facts.macs, ElementsAre("52:54:00:aa:bb:cc"));
    EXPECT_THAT(facts.disk_paths, ElementsAre("/srv/web-1/disk.qcow2"));
}

TEST(DomainXml, the_screen_of_a_running_machine_has_its_address) {
    const auto devices = [](const std::string& graphics) {
        return read_domain_xml("<domain><devices>" + graphics + "</devices></domain>").devices;
    };
    EXPECT_THAT(devices("<graphics type='vnc' port='5901' autoport='yes' listen='127.0.0.1'/>"),
                ElementsAre("graphics vnc at 127.0.0.1:5901"));
    EXPECT_THAT(devices("<graphics type='vnc' port='-1' autoport='yes'/>"), ElementsAre("graphics vnc"));
}

TEST(DomainXml, says_when_text_is_no_domain) {
    EXPECT_THROW(read_domain_xml("<network/>"), Error);
    EXPECT_THROW(read_domain_xml("<domain><name>"), Error);
    EXPECT_THROW(read_domain_xml(""), Error);
}

}  // namespace
}  // namespace imgforge::virt
