// SPDX-License-Identifier: GPL-3.0-or-later
// The pure parts of `media create`: control files, dependency closure, the installer's initrd.
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/install/apt_archive.hpp"
#include "builder/install/control_file.hpp"
#include "builder/install/disc_tree.hpp"
#include "builder/install/installer_initrd.hpp"
#include "builder/install/udeb_set.hpp"

namespace imgforge::install {
namespace {

using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;
using testing::Not;

std::string package(const std::string& name, const std::string& depends = {},
                    const std::string& provides = {}) {
    std::string text = "Package: " + name + "\nVersion: 1\n";
    if (!depends.empty())
        text += "Depends: " + depends + "\n";
    if (!provides.empty())
        text += "Provides: " + provides + "\n";
    return text + "Filename: pool/main/" + name + "_1.udeb\nSize: 10\nSHA256: " + std::string(64, 'a') +
           "\n\n";
}

TEST(Stanza, reads_fields_with_continuation_lines_and_any_case) {
    const Stanza stanza("Package: a\nDescription: one\n two\n three\nVersion: 2\n");

    EXPECT_EQ(stanza.field("description"), "one\n two\n three");
    EXPECT_EQ(stanza.field("Version"), "2");
    EXPECT_EQ(stanza.field("Desc"), "");
}

TEST(ParseDependencies, keeps_alternatives_and_drops_versions_and_architectures) {
    const auto choices = parse_dependencies("libc6-udeb (>= 2.41), base | other (<< 3) , tool:any [amd64]");

    ASSERT_EQ(choices.size(), 3U);
    EXPECT_THAT(choices[0].names, ElementsAre("libc6-udeb"));
    EXPECT_THAT(choices[1].names, ElementsAre("base", "other"));
    EXPECT_THAT(choices[2].names, ElementsAre("tool"));
}

TEST(PackageIndex, refuses_paths_that_lead_out_of_the_archive) {
    const PackageIndex index("Package: a\nFilename: ../../etc/passwd\nSHA256: " + std::string(64, 'a') +
                             "\n");

    EXPECT_THROW(static_cast<void>(index.by_name("a")), Error);
}

TEST(KernelAbis, come_newest_first_by_version_not_by_letters) {
    const PackageIndex index(package("kernel-image-6.12.94+deb13-amd64-di") +
                             package("kernel-image-6.12.107+deb13-amd64-di"));

    EXPECT_THAT(kernel_abis(index), ElementsAre("6.12.107+deb13-amd64", "6.12.94+deb13-amd64"));
}

TEST(UdebClosure, takes_what_is_needed_once_and_nothing_that_is_there) {
    const PackageIndex index(package("partman", "libparted, harddrive-detection, libc6") +
                             package("libparted", "libc6") +
                             package("disk-detect", "", "harddrive-detection") + package("libc6"));
    std::vector<std::string> missing;

    const auto names = udeb_closure(index, {"partman"}, {"libc6"}, "abi", missing);

    EXPECT_THAT(names, ElementsAre("partman", "libparted", "disk-detect"));
    EXPECT_THAT(missing, IsEmpty());
}

TEST(UdebClosure, prefers_modules_of_the_chosen_kernel) {
    const PackageIndex index(package("partman-ext3", "ext4-modules") +
                             package("ext4-modules-1-di", "", "ext4-modules") +
                             package("ext4-modules-2-di", "", "ext4-modules"));
    std::vector<std::string> missing;

    EXPECT_THAT(udeb_closure(index, {"partman-ext3"}, {}, "2", missing),
                ElementsAre("partman-ext3", "ext4-modules-2-di"));
}

TEST(UdebClosure, names_what_nobody_provides) {
    const PackageIndex index(package("a", "b | c"));
    std::vector<std::string> missing;

    static_cast<void>(udeb_closure(index, {"a", "z"}, {}, "abi", missing));

    EXPECT_THAT(missing, ElementsAre("z", "b"));
}

std::string netboot_initrd() {
    return gzip(write_cpio(
        {{.path = "etc", .kind = CpioEntry::Kind::directory, .mode = 0755},
         {.path = "etc/lsb-release", .bytes = "DISTRIB_ID=Debian\nX_INSTALLATION_MEDIUM=netboot\n"},
         {.path = "lib", .kind = CpioEntry::Kind::symlink, .mode = 0777, .target = "usr/lib"},
         {.path = "usr/lib/modules/1/kernel/old.ko", .bytes = "old"},
         {.path = "var/lib/dpkg/info/net-retriever.postinst", .mode = 0755, .bytes = "x"},
         {.path = "var/lib/dpkg/status",
          .bytes = "Package: anna\nStatus: install ok installed\nProvides: loader\n\nPackage: "
                   "net-retriever\nStatus: install ok installed\n\n"
                   "Package: nic-modules-1-di\nStatus: install ok installed\nKernel-Version: 1\n\n"}}));
}

TEST(InstallerInitrd, forgets_the_old_kernel_and_dropped_components) {
    InstallerInitrd initrd(netboot_initrd());

    initrd.drop_kernel();
    initrd.drop("net-retriever");

    EXPECT_THAT(initrd.installed(), ElementsAre("anna", "loader"));
    EXPECT_EQ(initrd.tree().count("usr/lib/modules/1/kernel/old.ko"), 0U);
    EXPECT_EQ(initrd.tree().count("var/lib/dpkg/info/net-retriever.postinst"), 0U);
}

TEST(InstallerInitrd, adds_a_component_below_merged_usr_and_records_it) {
    InstallerInitrd initrd(netboot_initrd());
    const DebFile udeb{
        .control = {{"control",
                     "Package: cdrom-detect\nVersion: 2\nInstaller-Menu-Item: 1300\nDescription: d\n long\n"},
                    {"postinst", "#!/bin/sh\n"}},
        .files = {{.path = "lib", .kind = CpioEntry::Kind::directory}, {.path = "lib/x/y", .bytes = "z"}}};

    initrd.add(udeb);

    EXPECT_EQ(initrd.tree().at("lib").kind, CpioEntry::Kind::symlink);
    EXPECT_EQ(initrd.tree().at("usr/lib/x/y").bytes, "z");
    EXPECT_EQ(initrd.tree().at("var/lib/dpkg/info/cdrom-detect.postinst").mode, 0755U);
    const std::string status = initrd.tree().at("var/lib/dpkg/status").bytes;
    EXPECT_THAT(status, HasSubstr("Package: cdrom-detect\nStatus: install ok unpacked\nVersion: "
                                  "2\nDescription: d\nInstaller-Menu-Item: 1300\n"));
    EXPECT_THAT(status, Not(HasSubstr("long")));
}

TEST(InstallerInitrd, packs_with_all_parent_folders) {
    InstallerInitrd initrd(netboot_initrd());
    initrd.set_medium("cdrom");
    std::set<std::string> seen;

    read_initrd(initrd.pack(), true, [&](CpioEntry&& entry) {
        const std::size_t slash = entry.path.rfind('/');
        EXPECT_TRUE(slash == std::string::npos || seen.count(entry.path.substr(0, slash)) == 1) << entry.path;
        seen.insert(entry.path);
        if (entry.path == "etc/lsb-release") {
            EXPECT_EQ(entry.bytes, "DISTRIB_ID=Debian\nX_INSTALLATION_MEDIUM=cdrom\n");
        }
    });

    EXPECT_EQ(seen.count("usr/lib/modules"), 1U);
}

TEST(InstallerInitrd, refuses_an_initrd_of_something_else) {
    EXPECT_THROW(InstallerInitrd(write_cpio({{.path = "init", .bytes = "x"}})), Error);
}

TEST(UnescapeUri, undoes_what_apt_escapes) {
    EXPECT_EQ(unescape_uri("pool/g%2b%2b_1%7edeb%"), "pool/g++_1~deb%");
}

TEST(DiscImageCommand, boots_by_bios_and_uefi_and_carries_the_date) {
    const ProcessSpec spec =
        disc_image_command("/t/disc", "/t/mbr", "Debian 12.15.0 amd64 n", 1700000000, "/t/out.iso");

    EXPECT_THAT(spec.args, testing::IsSupersetOf({"isolinux/isolinux.bin", "boot/grub/efi.img",
                                                  "-isohybrid-gpt-basdat", "Debian 12.15.0 amd64 n"}));
    EXPECT_EQ(spec.env.at("SOURCE_DATE_EPOCH"), "1700000000");
}

}  // namespace
}  // namespace imgforge::install
