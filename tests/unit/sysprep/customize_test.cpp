// SPDX-License-Identifier: GPL-3.0-or-later
#include "sysprep/customize/customize.hpp"

#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/temp_dir.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::sysprep {
namespace {

using guest::MemoryGuestFs;
using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

class Customize : public testing::Test {
protected:
    Customize() {
        fs.add("/etc/passwd", "root:x:0:0::/root:/bin/sh\n");
        fs.add("/etc/shadow", "root:*:1::::::\n", 0640);
        fs.add("/usr/share/zoneinfo/Europe/Berlin", "tz");
        fs.make_directory("/root");
        fs.on_run = [](std::string_view) { return guest::CommandResult{0, "fine\n"}; };
        os.family = "debian";
        os.init = "systemd";
    }

    CustomizeReport apply(const Json& options) {
        OfflineSession session{nullptr, fs, os, needles, monitor, {}, false};
        return customize(session, customize_spec(options, folder.path()), folder / "logs");
    }

    MemoryGuestFs fs;
    guest::Inspection os;
    Needles needles;
    NullMonitor monitor;
    TempDir folder;
};

TEST_F(Customize, guards_services_while_packages_are_installed_and_removes_the_guard) {
    bool guarded = false;
    fs.on_run = [&](std::string_view script) {
        guarded = guarded ||
                  (script.find("install") != std::string_view::npos && fs.exists("/usr/sbin/policy-rc.d"));
        return guest::CommandResult{0, ""};
    };
    fs.make_directory("/usr/sbin");

    apply({{"packages", {"vim"}}});

    EXPECT_TRUE(guarded);
    EXPECT_FALSE(fs.exists("/usr/sbin/policy-rc.d"));
    EXPECT_THAT(fs.scripts, Contains(HasSubstr("install -- vim")));
}

TEST_F(Customize, names_the_failing_command_and_shows_the_end_of_its_output) {
    fs.on_run = [](std::string_view) { return guest::CommandResult{7, "first line\nE: the reason\n"}; };
    try {
        apply({{"run", {"make-trouble --now"}}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_EQ(error.kind(), Failure::guest);
        EXPECT_THAT(error.message(), HasSubstr("command 1 (make-trouble)"));
        EXPECT_THAT(error.message(), HasSubstr("code 7"));
        EXPECT_THAT(error.message(), HasSubstr("E: the reason"));
    }
}

TEST_F(Customize, a_line_with_a_password_is_in_its_own_log_alone) {
    const auto report =
        apply({{"run", {"echo root:hunter2 | chpasswd", "PASS=hunter2 login", "true", "  hunter2=1"}}});
    EXPECT_THAT(report.to_json().dump(), testing::Not(HasSubstr("hunter2")));
    EXPECT_THAT(report.to_json().dump(), HasSubstr("command 1 (echo)"));
    for (const auto& log : report.logs) {
        EXPECT_EQ(std::filesystem::status(log).permissions(),
                  std::filesystem::perms::owner_read | std::filesystem::perms::owner_write);
    }
    fs.on_run = [](std::string_view) { return guest::CommandResult{7, "no such user\n"}; };
    try {
        apply({{"run", {"echo root:hunter2 | chpasswd"}}});
        FAIL();
    } catch (const Error& error) {
        EXPECT_THAT(error.describe(), testing::Not(HasSubstr("hunter2")));
    }
}

TEST_F(Customize, reports_what_it_wrote_so_that_sysprep_keeps_it) {
    const auto report = apply({{"write", {{"/etc/motd", "hello\n"}}},
                               {"ssh-keys", {{"root", {"ssh-ed25519 AAAA me"}}}},
                               {"timezone", "Europe/Berlin"}});

    EXPECT_THAT(report.paths, Contains("/etc/motd"));
    EXPECT_THAT(report.paths, Contains("/root/.ssh/authorized_keys"));
    EXPECT_EQ(fs.read("/root/.ssh/authorized_keys"), "ssh-ed25519 AAAA me\n");
    EXPECT_EQ(fs.lstat("/root/.ssh")->mode, 0700U);
    EXPECT_EQ(fs.lstat("/root/.ssh/authorized_keys")->mode, 0600U);
    EXPECT_EQ(fs.readlink("/etc/localtime"), "/usr/share/zoneinfo/Europe/Berlin");
    EXPECT_THAT(fs.scripts, IsEmpty());
}

TEST_F(Customize, sets_a_password_hash_and_says_whose) {
    const auto report = apply({{"users", {{{"name", "root"}, {"password-hash", "$6$salt$hash"}}}}});

    EXPECT_THAT(fs.read("/etc/shadow"), HasSubstr("root:$6$salt$hash:1:"));
    EXPECT_THAT(report.passwords, ElementsAre("root"));
}

TEST_F(Customize, installs_first_boot_commands_for_both_init_systems) {
    apply({{"firstboot", {"echo one", "echo two"}}});
    EXPECT_THAT(fs.read("/usr/local/lib/firstboot/scripts/0002"), HasSubstr("echo two"));
    EXPECT_TRUE(fs.exists("/etc/systemd/system/multi-user.target.wants/firstboot-commands.service"));

    os.init = "openrc";
    apply({{"firstboot", {"echo one"}}});
    EXPECT_EQ(fs.readlink("/etc/runlevels/default/firstboot-commands"), "/etc/init.d/firstboot-commands");
}

TEST_F(Customize, finds_all_faults_of_the_options_at_once) {
    const auto faults = check_customize(customize_spec({{"upload", {{"missing", "relative"}}},
                                                        {"edit", {{"/etc/x", "y/a/b/"}}},
                                                        {"users", {{{"name", "Bad Name"}}}}},
                                                       folder.path()));
    EXPECT_EQ(faults.size(), 4U);
}

TEST_F(Customize, refuses_an_invalid_hash_whether_a_password_is_given_as_text_or_not) {
    const std::vector<Json> passwords{Json::object(),
                                      {{"root", "locked"}},
                                      {{"root", "random"}},
                                      {{"root", "hash:$6$a$b"}, {"user", "password:Tr0ub4dor"}}};
    for (const Json& password : passwords) {
        const auto faults = check_customize(
            customize_spec({{"password", password}, {"password-crypto", "rot13"}}, folder.path()));
        ASSERT_EQ(faults.size(), 1U) << password;
        EXPECT_EQ(faults[0].first, "/password-crypto");
        EXPECT_THAT(faults[0].second, HasSubstr("'rot13': one of md5, sha256, sha512, yescrypt"));
    }
    EXPECT_THAT(check_customize(customize_spec({{"password-crypto", "yescrypt"}}, folder.path())), IsEmpty());
    EXPECT_EQ(
        check_customize(customize_spec({{"password", {{"root", "changed"}}}, {"password-crypto", "rot13"}},
                                       folder.path()))
            .size(),
        2U)
        << "the other errors are reported as well";
}

TEST(PackageCommand, speaks_to_the_manager_of_each_family_and_refuses_options_as_names) {
    guest::Inspection os;
    os.family = "debian";
    EXPECT_THAT(package_command(os, PackageAction::refresh, {}),
                HasSubstr("APT::Update::Error-Mode=any update"));
    os.family = "redhat";
    EXPECT_EQ(package_command(os, PackageAction::install, {"vim"}), "dnf -y install vim");
    os.family = "suse";
    EXPECT_THAT(package_command(os, PackageAction::install, {"vim"}),
                HasSubstr("zypper --non-interactive install"));
    os.family = "alpine";
    os.package_format = "apk";
    EXPECT_EQ(package_command(os, PackageAction::install, {"vim"}), "apk add vim");
    EXPECT_THROW(package_command(os, PackageAction::install, {"--allow-untrusted"}), Error);
    os = {};
    EXPECT_THROW(package_command(os, PackageAction::install, {"vim"}), Error);
}

}  // namespace
}  // namespace imgforge::sysprep
