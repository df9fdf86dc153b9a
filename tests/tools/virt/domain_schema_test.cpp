// SPDX-License-Identifier: GPL-3.0-or-later
// libvirt's own schema (virt-xml-validate) judges every kind of element that domain_xml() can write.
#include <gtest/gtest.h>

#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/virt/domain_xml.hpp"
#include "tests/support/require.hpp"

namespace imgforge::virt {
namespace {

class DomainSchema : public ::testing::Test {
protected:
    void SetUp() override {
        if (!find_program("virt-xml-validate")) {
            IMGFORGE_SKIP("tools", "virt-xml-validate (package libvirt-clients) is not installed");
        }
    }

    void expect_valid(const DomainSpec& spec) {
        const std::string xml = domain_xml(spec);
        const auto file = folder_ / "domain.xml";
        write_file_atomically(file, xml);
        const ProcessResult result =
            runner_.run({.program = "virt-xml-validate", .args = {file.string(), "domain"}});
        EXPECT_TRUE(result.ok()) << result.out << result.err << xml;
    }

    TempDir folder_;
    SystemProcessRunner runner_;
};

TEST_F(DomainSchema, accepts_an_install) {
    DomainSpec spec{.name = "install-debian13", .tcg_cache = ByteSize::mib(512)};
    spec.boot =
        DirectBoot{.kernel = "/c/vmlinuz", .initrd = "/c/initrd", .cmdline = "auto=true --- console=ttyS0"};
    spec.disks.push_back({.path = "/c/disk.qcow2", .format = "qcow2", .target = "vda", .cache = "unsafe"});
    spec.disks.push_back({.path = "/c/medium.iso",
                          .format = "raw",
                          .target = "sda",
                          .bus = "sata",
                          .device = DiskSpec::Device::cdrom});
    spec.serials.push_back({.kind = CharacterSpec::Kind::file, .path = "/c/serial0.log"});
    spec.serials.push_back(
        {.kind = CharacterSpec::Kind::unix_socket, .path = "/c/serial1", .log = "/c/serial1.log"});
    spec.channels.push_back({.name = "org.fedoraproject.anaconda.log.0",
                             .host = {.kind = CharacterSpec::Kind::file, .path = "/c/anaconda"}});
    spec.panic_device = true;
    spec.on_reboot = OnEnd::destroy;
    spec.on_crash = OnEnd::preserve;
    expect_valid(spec);
}

TEST_F(DomainSchema, accepts_a_spawned_machine_with_everything) {
    DomainSpec spec{
        .name = "web-1", .uuid = "7f3c1b1e-0000-4000-8000-000000000001", .title = "web-1 (debian13@3)"};
    spec.accel = DomainSpec::Accel::kvm;
    spec.firmware = DomainSpec::Firmware::uefi;
    spec.secure_boot = true;
    spec.tpm = true;
    spec.nvram = "/i/web-1/nvram.fd";
    spec.generation_id = "7f3c1b1e-0000-4000-8000-000000000002";
    spec.metadata = {{"image", "debian13"}, {"generation", "3"}};
    spec.disks.push_back(
        {.path = "/i/web-1/disk.qcow2",
         .format = "qcow2",
         .target = "vda",
         .cache = "none",
         .serial = "root",
         .boot_order = 1,
         .backing = {{.path = "/g/a.qcow2", .format = "qcow2"}, {.path = "/g/b.raw", .format = "raw"}}});
    spec.disks.push_back({.path = "/i/web-1/seed.iso", .format = "raw", .target = "vdb", .readonly = true});
    spec.nics.push_back({.kind = NicSpec::Kind::network,
                         .source = "default",
                         .mac = "52:54:00:00:00:01",
                         .filter = "clean-traffic"});
    spec.nics.push_back(
        {.kind = NicSpec::Kind::bridge, .source = "br0", .mac = "52:54:00:00:00:02", .vlan = 42});
    spec.nics.push_back({.kind = NicSpec::Kind::user, .mac = "52:54:00:00:00:03"});
    spec.nics.push_back(
        {.kind = NicSpec::Kind::user, .mac = "52:54:00:00:00:04", .forwards = {{.host_port = 40022}}});
    spec.serials.push_back({.kind = CharacterSpec::Kind::pty, .log = "/i/web-1/console.log", .append = true});
    spec.channels.push_back(
        {.name = "org.qemu.guest_agent.0", .host = {.kind = CharacterSpec::Kind::unix_socket}});
    spec.filesystems.push_back({.source = "/srv/share", .tag = "share"});
    spec.filesystems.push_back(
        {.driver = FilesystemSpec::Driver::p9, .source = "/srv/ro", .tag = "ro", .readonly = true});
    expect_valid(spec);
}

TEST_F(DomainSchema, accepts_stated_root_ports) {
    DomainSpec spec{.name = "warm-1", .root_ports = 14};
    spec.disks.push_back(
        {.path = "/i/warm-1/disk.qcow2", .format = "qcow2", .target = "vda", .boot_order = 1});
    spec.disks.push_back({.path = "/i/warm-1/seed.iso",
                          .format = "raw",
                          .target = "vdb",
                          .readonly = true,
                          .serial = "seed",
                          .port = 7});
    spec.nics.push_back(
        {.kind = NicSpec::Kind::network, .source = "default", .mac = "52:54:00:00:00:01", .port = 8});
    expect_valid(spec);
}

TEST_F(DomainSchema, accepts_the_least) {
    DomainSpec spec{.name = "least", .rng = false, .video = false, .balloon = false};
    spec.cpu = "Nehalem";
    spec.serials.push_back({.kind = CharacterSpec::Kind::null});
    expect_valid(spec);
}

}  // namespace
}  // namespace imgforge::virt
