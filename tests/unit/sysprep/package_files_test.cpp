// SPDX-License-Identifier: GPL-3.0-or-later
// Which files are known to be exactly what a package shipped: nothing in those is a secret of this machine.
#include "sysprep/audit/package_files.hpp"

#include <gtest/gtest.h>

#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::sysprep::audit {
namespace {

constexpr const char* module = "GRUB module with a public test hash";

class PackageFilesTest : public testing::Test {
protected:
    PackageFilesTest() {
        const std::string list = digest_hex("MD5", module) + "  usr/lib/grub/i386-pc/test.mod\n";
        for (const char* folder : {"/var", "/var/lib", "/var/lib/dpkg", "/var/lib/dpkg/info"}) {
            tree_.add(folder, {.stat = {.type = guest::FileType::directory}});
        }
        tree_.add("/var/lib/dpkg/info/grub-pc-bin.md5sums",
                  {.stat = {.type = guest::FileType::regular, .size = list.size()}, .content = list});
        os_.package_format = "deb";
    }
    PackageFiles packages() { return {tree_, fs_, os_}; }

    GuestTree tree_;
    guest::MemoryGuestFs fs_;
    guest::Inspection os_;
};

TEST_F(PackageFilesTest, file_of_a_package_is_unchanged_only_with_its_own_bytes) {
    fs_.add("/usr/lib/grub/i386-pc/test.mod", module);
    EXPECT_EQ(packages().unchanged_in("/usr/lib/grub/i386-pc/test.mod"), "grub-pc-bin");

    fs_.add("/usr/lib/grub/i386-pc/test.mod", std::string(module) + "x");
    EXPECT_EQ(packages().unchanged_in("/usr/lib/grub/i386-pc/test.mod"), std::nullopt);
}

TEST_F(PackageFilesTest, module_that_grub_install_copied_counts_as_shipped) {
    fs_.add("/boot/grub/i386-pc/test.mod", module);

    EXPECT_EQ(packages().unchanged_in("/boot/grub/i386-pc/test.mod"), "grub-pc-bin");
}

TEST_F(PackageFilesTest, changed_copy_and_other_files_of_boot_do_not) {
    fs_.add("/boot/grub/i386-pc/test.mod", std::string(module) + "and a key");
    fs_.add("/boot/grub/grub.cfg", module);
    PackageFiles files = packages();

    EXPECT_EQ(files.unchanged_in("/boot/grub/i386-pc/test.mod"), std::nullopt);
    EXPECT_EQ(files.unchanged_in("/boot/grub/grub.cfg"), std::nullopt);
}

TEST_F(PackageFilesTest, template_that_a_maintainer_script_copied_counts_as_shipped) {
    fs_.add("/etc/ppp/pap-secrets", module);
    fs_.add("/etc/ppp/chap-secrets", std::string(module) + " user * secret");
    PackageFiles files = packages();

    EXPECT_EQ(files.unchanged_in("/etc/ppp/pap-secrets"), "grub-pc-bin");
    EXPECT_EQ(files.unchanged_in("/etc/ppp/chap-secrets"), std::nullopt);
}

TEST_F(PackageFilesTest, says_package_and_digest_of_a_file_for_waivers) {
    fs_.add("/usr/lib/grub/i386-pc/test.mod", "changed");
    PackageFiles files = packages();

    EXPECT_EQ(files.package_of("/usr/lib/grub/i386-pc/test.mod"), "grub-pc-bin");
    EXPECT_EQ(files.package_of("/etc/other"), "");
    EXPECT_EQ(files.sha256_of("/usr/lib/grub/i386-pc/test.mod"), digest_hex("SHA256", "changed"));
    EXPECT_EQ(files.sha256_of("/missing"), "");
}

}  // namespace
}  // namespace imgforge::sysprep::audit
