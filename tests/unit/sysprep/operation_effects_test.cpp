// SPDX-License-Identifier: GPL-3.0-or-later
// What single operations do to a guest, and how far they reach.
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "tests/support/memory_guest_fs.hpp"
#include "tests/unit/sysprep/operation_runs.hpp"

namespace imgforge::sysprep {
namespace {

using namespace test;

TEST(MachineIdOperation, empties_the_file_in_place_and_only_once) {
    MemoryGuestFs fs;
    fs.add("/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0444);
    fs.set_xattr("/etc/machine-id", "security.selinux", "label");

    const auto first = run("machine-id", fs);
    const auto second = run("machine-id", fs);

    EXPECT_EQ(fs.read("/etc/machine-id"), "");
    EXPECT_EQ(fs.lstat("/etc/machine-id")->mode, 0444U);
    EXPECT_EQ(fs.xattrs("/etc/machine-id").at("security.selinux"), "label");
    EXPECT_EQ(first.changes.size(), 1U);
    EXPECT_THAT(second.changes, IsEmpty());
}

TEST(MachineIdOperation, never_empties_what_a_link_points_to) {
    MemoryGuestFs fs(Files{{"/etc/shadow", "root:*:1::::::\n"}});
    fs.symlink("/etc/shadow", "/etc/machine-id");

    run("machine-id", fs);

    EXPECT_EQ(fs.read("/etc/shadow"), "root:*:1::::::\n");
    EXPECT_EQ(fs.lstat("/etc/machine-id")->type, FileType::regular);
    EXPECT_EQ(fs.read("/etc/machine-id"), "");
}

TEST(MachineIdOperation, removes_it_for_openrc_and_writes_uninitialized_when_asked) {
    Inspection alpine = debian();
    alpine.init = "openrc";
    MemoryGuestFs openrc(Files{{"/etc/machine-id", "0123456789abcdef0123456789abcdef\n"}});
    run("machine-id", openrc, {}, alpine);
    EXPECT_FALSE(openrc.exists("/etc/machine-id"));

    MemoryGuestFs systemd(Files{{"/etc/machine-id", "0123456789abcdef0123456789abcdef\n"}});
    run("machine-id", systemd, {.machine_id = MachineIdState::uninitialized});
    EXPECT_EQ(systemd.read("/etc/machine-id"), "uninitialized\n");
}

TEST(DbusMachineIdOperation, turns_a_regular_file_into_the_link_and_keeps_a_link) {
    MemoryGuestFs fs(Files{{"/var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n"}});

    run("dbus-machine-id", fs);

    EXPECT_EQ(fs.readlink("/var/lib/dbus/machine-id"), "/etc/machine-id");
    EXPECT_THAT(run("dbus-machine-id", fs).changes, IsEmpty());
}

TEST(SshHostkeysOperation, removes_keys_named_in_the_settings_and_keeps_moduli) {
    MemoryGuestFs fs(Files{{"/etc/ssh/ssh_host_rsa_key", "k"},
                           {"/etc/ssh/ssh_host_rsa_key.pub", "p"},
                           {"/etc/ssh/moduli", "m"},
                           {"/etc/ssh/sshd_config", "hostkey /srv/keys/own_key\n"},
                           {"/etc/ssh/sshd_config.d/a.conf", "HostCertificate /srv/keys/cert\n"},
                           {"/srv/keys/own_key", "k"},
                           {"/srv/keys/own_key.pub", "p"},
                           {"/srv/keys/cert", "c"},
                           {"/srv/keys/other", "o"}});

    run("ssh-hostkeys", fs);

    EXPECT_FALSE(fs.exists("/etc/ssh/ssh_host_rsa_key"));
    EXPECT_FALSE(fs.exists("/srv/keys/own_key"));
    EXPECT_FALSE(fs.exists("/srv/keys/own_key.pub"));
    EXPECT_FALSE(fs.exists("/srv/keys/cert"));
    EXPECT_TRUE(fs.exists("/etc/ssh/moduli"));
    EXPECT_TRUE(fs.exists("/srv/keys/other"));
}

TEST(SshHostkeyGenerator, is_added_to_debian_and_left_out_where_the_distribution_has_one) {
    MemoryGuestFs debian_fs(Files{{"/usr/sbin/sshd", ""},
                                  {"/usr/lib/systemd/system/sshd-keygen.service", "ConditionFirstBoot=yes"}});
    run("ssh-hostkey-generator", debian_fs);
    const std::string unit = debian_fs.read("/etc/systemd/system/imgforge-ssh-hostkeys.service");
    EXPECT_THAT(unit, HasSubstr("ConditionPathExistsGlob=!/etc/ssh/ssh_host_*_key"));
    EXPECT_EQ(unit.find("Before=ssh.socket"), std::string::npos);
    EXPECT_EQ(debian_fs.readlink("/etc/systemd/system/multi-user.target.wants/imgforge-ssh-hostkeys.service"),
              "/etc/systemd/system/imgforge-ssh-hostkeys.service");

    Inspection rocky = debian();
    rocky.family = "redhat";
    MemoryGuestFs rocky_fs(
        Files{{"/usr/sbin/sshd", ""}, {"/usr/lib/systemd/system/sshd-keygen@.service", ""}});
    EXPECT_THAT(run("ssh-hostkey-generator", rocky_fs, {}, rocky).changes, IsEmpty());
}

TEST(InstallerDatasource, takes_the_installers_words_off_kernel_command_lines) {
    MemoryGuestFs fs;
    fs.add("/etc/default/grub",
           "# autoinstall was here\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n"
           "GRUB_CMDLINE_LINUX=\"autoinstall ds=nocloud\\;s=http://10.0.2.2:8000/ console=ttyS0\"\n");
    fs.add("/boot/grub/grub.cfg", "\tlinux /vmlinuz root=UUID=1 ro quiet autoinstall ds=nocloud;s=/cdrom\n");
    fs.add("/boot/loader/entries/a.conf", "options root=UUID=1 inst.ks=http://10.0.2.2/ks.cfg ro\n");
    fs.add("/etc/kernel/cmdline", "root=UUID=1 ro ds=openstack\n");

    run("installer-datasource", fs);

    EXPECT_EQ(fs.read("/etc/default/grub"),
              "# autoinstall was here\nGRUB_CMDLINE_LINUX_DEFAULT=\"quiet splash\"\n"
              "GRUB_CMDLINE_LINUX=\"console=ttyS0\"\n");
    EXPECT_EQ(fs.read("/boot/grub/grub.cfg"), "\tlinux /vmlinuz root=UUID=1 ro quiet\n");
    EXPECT_EQ(fs.read("/boot/loader/entries/a.conf"), "options root=UUID=1 ro\n");
    EXPECT_EQ(fs.read("/etc/kernel/cmdline"), "root=UUID=1 ro ds=openstack\n");
}

TEST(InstallerDatasource, reads_the_list_of_subiquitys_hook_and_trusts_only_its_folders) {
    MemoryGuestFs fs(Files{{"/etc/cloud/clean.d/99-installer",
                            "#!/usr/bin/env python3\nimport json\nfiles = "
                            "json.loads('''[\"/etc/cloud/cloud.cfg.d/99-installer.cfg\", "
                            "\"/etc/netplan/00-x.yaml\", "
                            "\"/etc/passwd\", \"/etc/cloud/../shadow\"]''')\n"},
                           {"/etc/cloud/cloud.cfg.d/99-installer.cfg", "datasource_list: [None]\n"},
                           {"/etc/netplan/00-x.yaml", "x"},
                           {"/etc/passwd", "root"},
                           {"/etc/shadow", "s"},
                           {"/etc/cloud/ds-identify.cfg", "policy: enabled"},
                           {"/etc/cloud/cloud.cfg", "users: [default]"}});

    run("installer-datasource", fs);

    EXPECT_FALSE(fs.exists("/etc/cloud/cloud.cfg.d/99-installer.cfg"));
    EXPECT_FALSE(fs.exists("/etc/netplan/00-x.yaml"));
    EXPECT_FALSE(fs.exists("/etc/cloud/ds-identify.cfg"));
    EXPECT_TRUE(fs.exists("/etc/passwd"));
    EXPECT_TRUE(fs.exists("/etc/shadow"));
    EXPECT_TRUE(fs.exists("/etc/cloud/cloud.cfg"));
}

TEST(PasswordsOperation, takes_hashes_away_but_not_those_meant_to_stay) {
    MemoryGuestFs fs(Files{
        {"/etc/shadow",
         "root:$y$abc:19000:0:99999:7:::\nops:$6$x$y:19000::::::\ndaemon:*:19000::::::\nsync:!:1::::::\n"}});

    run("passwords", fs, {.keep_passwords = {"ops"}});

    EXPECT_EQ(fs.read("/etc/shadow"),
              "root:*:19000:0:99999:7:::\nops:$6$x$y:19000::::::\ndaemon:*:19000::::::\nsync:!:1::::::\n");
}

TEST(LogsOperation, empties_current_logs_removes_rotated_ones_and_keeps_folders) {
    MemoryGuestFs fs(Files{{"/var/log/syslog", "x"},
                           {"/var/log/syslog.1", "x"},
                           {"/var/log/nginx/access.log", "x"},
                           {"/var/log/nginx/access.log.2.gz", "x"},
                           {"/var/log/README", "text"}});
    fs.chown("/var/log/nginx", 33, 4);

    run("logs", fs);

    EXPECT_EQ(fs.read("/var/log/syslog"), "");
    EXPECT_FALSE(fs.exists("/var/log/syslog.1"));
    EXPECT_EQ(fs.read("/var/log/nginx/access.log"), "");
    EXPECT_FALSE(fs.exists("/var/log/nginx/access.log.2.gz"));
    EXPECT_EQ(fs.read("/var/log/README"), "text");
    EXPECT_EQ(fs.lstat("/var/log/nginx")->uid, 33U);
}

TEST(Homes, are_taken_from_passwd_and_not_only_from_home) {
    MemoryGuestFs fs(Files{
        {"/etc/passwd",
         "root:x:0:0::/root:/bin/sh\ndb:x:100:100::/var/lib/db:/bin/sh\nevil:x:1:1::/../../etc:/bin/sh\n"},
        {"/var/lib/db/.ssh/authorized_keys", "k"},
        {"/root/.bash_history", "h"},
        {"/home/gone/.ssh/id_rsa", "k"},
        {"/etc/.ssh/x", "k"}});

    run("ssh-user-files", fs);
    run("histories", fs);

    EXPECT_FALSE(fs.exists("/var/lib/db/.ssh/authorized_keys"));
    EXPECT_TRUE(fs.exists("/var/lib/db/.ssh"));
    EXPECT_FALSE(fs.exists("/home/gone/.ssh/id_rsa"));
    EXPECT_FALSE(fs.exists("/root/.bash_history"));
    EXPECT_TRUE(fs.exists("/etc/.ssh/x"));
}

TEST(Keep, saves_a_file_in_a_folder_that_is_cleared) {
    MemoryGuestFs fs(Files{{"/root/.ssh/authorized_keys", "k"},
                           {"/root/.ssh/id_rsa", "k"},
                           {"/tmp/.hidden/a", "x"},
                           {"/tmp/keep/b", "x"}});
    const SysprepOptions options{.keep = {"/root/.ssh/authorized_keys", "/tmp/keep"}};

    const auto keys = run("ssh-user-files", fs, options);
    run("temporary-files", fs, options);

    EXPECT_TRUE(fs.exists("/root/.ssh/authorized_keys"));
    EXPECT_FALSE(fs.exists("/root/.ssh/id_rsa"));
    EXPECT_FALSE(fs.exists("/tmp/.hidden"));
    EXPECT_TRUE(fs.exists("/tmp/keep/b"));
    EXPECT_EQ(keys.changes.size(), 1U);
}

TEST(Links, that_lead_from_user_folders_into_the_system_are_refused_unless_kept) {
    MemoryGuestFs fs(Files{{"/etc/passwd", "user:x:1000:1000::/home/user:/bin/sh\n"},
                           {"/etc/ssh/moduli", "m"},
                           {"/home/user/x", "x"}});
    fs.symlink("/etc/ssh", "/home/user/.ssh");
    fs.make_directory("/var");
    fs.symlink("/etc", "/var/tmp");

    EXPECT_THROW(run("ssh-user-files", fs), Error);
    EXPECT_THROW(run("temporary-files", fs), Error);
    EXPECT_TRUE(fs.exists("/etc/ssh/moduli"));
    EXPECT_THAT(run("ssh-user-files", fs, {.keep = {"/home/user/.ssh"}}).changes, IsEmpty());
    EXPECT_THAT(run("temporary-files", fs, {.keep = {"/var/tmp"}}).changes, IsEmpty());
    EXPECT_TRUE(fs.exists("/etc/ssh/moduli"));
}

TEST(Links, between_merged_folders_and_to_data_are_followed) {
    MemoryGuestFs fs(Files{{"/data/tmp/a", "x"}, {"/run/utmp", "u"}});
    fs.make_directory("/var");
    fs.symlink("/data/tmp", "/var/tmp");
    fs.symlink("/run", "/var/run");

    run("temporary-files", fs);
    run("login-records", fs);

    EXPECT_FALSE(fs.exists("/data/tmp/a"));
    EXPECT_EQ(fs.read("/run/utmp"), "");
}

TEST(OnlyBelow, touches_nothing_else) {
    MemoryGuestFs fs(Files{
        {"/var/log/a.log", "x"}, {"/var/log/b.log.1", "x"}, {"/tmp/x", "x"}, {"/etc/machine-id", "0123"}});
    const SysprepOptions options{.only_below = "/var"};

    for (const Operation& operation : all_operations()) {
        perform(operation, fs, debian(), options);
    }

    EXPECT_EQ(fs.read("/var/log/a.log"), "");
    EXPECT_FALSE(fs.exists("/var/log/b.log.1"));
    EXPECT_TRUE(fs.exists("/tmp/x"));
    EXPECT_EQ(fs.read("/etc/machine-id"), "0123");
}

TEST(Report, shows_control_characters_of_names_as_numbers) {
    SysprepReport report;
    report.operations.push_back({"a", "A", "why", {{"/tmp/two\nlines\033[31m", "remove", 1}}, {}});
    EXPECT_THAT(report.to_text(true), HasSubstr("/tmp/two\\x0alines\\x1b[31m"));
}

TEST(HostnameReferences, go_with_their_domain_and_leave_longer_names) {
    MemoryGuestFs fs(
        Files{{"/etc/hosts",
               "127.0.0.1\tlocalhost\n127.0.1.1\tgoldenbuild.lan goldenbuild\n10.0.0.9 goldenbuild2 nas\n"},
              {"/etc/mailname", "goldenbuild.lan\n"}});

    run("hostname-references", fs);

    EXPECT_EQ(fs.read("/etc/hosts"), "127.0.0.1\tlocalhost\n10.0.0.9 goldenbuild2 nas\n");
    EXPECT_EQ(fs.read("/etc/mailname"), "localhost\n");
}

TEST(Kubernetes, refuses_a_cluster_member_with_data) {
    MemoryGuestFs fs(Files{{"/var/lib/etcd/member/wal", "x"}});
    EXPECT_THROW(run("kubernetes", fs), Error);
}

}  // namespace
}  // namespace imgforge::sysprep
