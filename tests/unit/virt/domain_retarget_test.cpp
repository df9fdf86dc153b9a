// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_retarget.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/virt/domain_xml.hpp"

namespace imgforge::virt {
namespace {

using testing::HasSubstr;
using testing::Not;

DomainSpec other() {
    DomainSpec spec;
    spec.name = "template";
    spec.uuid = "11111111-2222-4333-8444-555555555555";
    spec.generation_id = "aaaaaaaa-2222-4333-8444-555555555555";
    spec.disks = {{.path = "/h/cache/warm/t/disk.qcow2",
                   .format = "qcow2",
                   .target = "vda",
                   .backing = {{"/h/images/d/1/disk.qcow2", "qcow2"}}}};
    spec.serials = {{.kind = CharacterSpec::Kind::unix_socket,
                     .path = "/h/t/console.sock",
                     .log = "/h/t/console.log",
                     .append = true}};
    spec.channels = {
        {"org.qemu.guest_agent.0", {.kind = CharacterSpec::Kind::unix_socket, .path = "/h/t/agent.sock"}}};
    spec.metadata = {{"instance-id", "i-template"}};
    return spec;
}

Retarget clone() {
    return {.name = "web-1",
            .uuid = "99999999-2222-4333-8444-555555555555",
            .generation_id = "bbbbbbbb-2222-4333-8444-555555555555",
            .metadata = {{"instance-id", "i-web-1"}},
            .disks = {{"vda", "/h/instances/web-1/disk.qcow2"}},
            .console_socket = "/h/instances/web-1/console.sock",
            .console_log = "/h/instances/web-1/console.log"};
}

TEST(DomainRetarget, nothing_of_the_other_domain_is_left) {
    const std::string xml = retarget_domain_xml(domain_xml(other()), clone());
    for (const char* const old : {"template", "11111111", "aaaaaaaa", "/h/cache", "/h/t/"}) {
        EXPECT_THAT(xml, Not(HasSubstr(old))) << old;
    }
    const DomainFacts facts = read_domain_xml(xml);
    EXPECT_EQ(facts.name, "web-1");
    EXPECT_EQ(facts.uuid, clone().uuid);
    EXPECT_EQ(facts.metadata.at("instance-id"), "i-web-1");
    EXPECT_THAT(facts.disk_paths, testing::ElementsAre("/h/instances/web-1/disk.qcow2"));
    EXPECT_THAT(xml, HasSubstr("/h/images/d/1/disk.qcow2"));
    EXPECT_THAT(xml, HasSubstr("<genid>bbbbbbbb-"));
    EXPECT_THAT(xml, HasSubstr("/h/instances/web-1/console.log"));
}

TEST(DomainRetarget, console_without_socket_is_a_pty) {
    Retarget target = clone();
    target.console_socket.clear();
    const std::string xml = retarget_domain_xml(domain_xml(other()), target);
    EXPECT_THAT(xml, HasSubstr("<serial type=\"pty\""));
    EXPECT_THAT(xml, Not(HasSubstr("console.sock")));
}

TEST(DomainRetarget, refuses_to_share_a_writable_disk) {
    DomainSpec spec = other();
    spec.disks.push_back({.path = "/h/data.qcow2", .format = "qcow2", .target = "vdb"});
    EXPECT_THROW(retarget_domain_xml(domain_xml(spec), clone()), Error);
    spec.disks.back().readonly = true;
    EXPECT_NO_THROW(retarget_domain_xml(domain_xml(spec), clone()));
    Retarget target = clone();
    target.disks["vdc"] = "/h/c.qcow2";
    EXPECT_THROW(retarget_domain_xml(domain_xml(other()), target), Error);
    EXPECT_THROW(retarget_domain_xml("<network/>", clone()), Error);
}

TEST(DomainRetarget, stated_root_ports_hold_devices_in_place) {
    DomainSpec spec = other();
    spec.root_ports = 9;
    spec.nics = {{.kind = NicSpec::Kind::network, .source = "default", .mac = "52:54:00:00:00:01", .port = 8},
                 {.kind = NicSpec::Kind::user,
                  .mac = "52:54:00:00:00:02",
                  .forwards = {{"127.0.0.1", 22001, 22}},
                  .port = 9}};
    const std::string xml = domain_xml(spec);
    EXPECT_THAT(xml, HasSubstr("index=\"9\" model=\"pcie-root-port\""));
    EXPECT_THAT(xml, HasSubstr("bus=\"0x08\" slot=\"0x00\""));
    EXPECT_THAT(xml, HasSubstr(R"(&quot;bus&quot;:&quot;pci.9&quot;)"));
}

}  // namespace
}  // namespace imgforge::virt
