// SPDX-License-Identifier: GPL-3.0-or-later
// Every structural rule finds its planted leftover, and only that rule does; a clean guest passes all of
// them.
#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <algorithm>
#include <set>

#include "sysprep/audit/rules.hpp"
#include "tests/unit/sysprep/audit_guest.hpp"

namespace imgforge::sysprep::audit {
namespace {

using ::testing::IsEmpty;

TEST(AuditRules, a_clean_guest_passes_all) {
    for (const Finding& finding : AuditGuest().findings()) {
        ADD_FAILURE() << finding.rule << ": " << finding.path << ": " << finding.detail;
    }
}

struct Planted {
    std::string rule;
    std::string what;
    std::function<void(AuditGuest&)> plant;
};

std::function<void(AuditGuest&)> with_file(std::string path, std::string content = "x") {
    return [path = std::move(path), content = std::move(content)](AuditGuest& guest) {
        guest.file(path, content);
    };
}

const std::vector<Planted>& planted() {
    static const std::vector<Planted> all{
        {"machine-id", "an id",
         [](AuditGuest& g) { g.file("/etc/machine-id", "0123456789abcdef0123456789abcdef\n", 0444); }},
        {"machine-id", "missing", [](AuditGuest& g) { g.remove("/etc/machine-id"); }},
        {"machine-id", "writable", [](AuditGuest& g) { g.file("/etc/machine-id", "", 0644); }},
        {"machine-id", "uninitialized unasked",
         [](AuditGuest& g) { g.file("/etc/machine-id", "uninitialized\n", 0444); }},
        {"machine-id", "two links",
         [](AuditGuest& g) {
             g.add("/etc/machine-id", {.stat = {.mode = 0444, .links = 2}, .content = ""});
         }},
        {"dbus-machine-id", "regular",
         with_file("/var/lib/dbus/machine-id", "0123456789abcdef0123456789abcdef\n")},
        {"ssh-host-keys", "key", with_file("/etc/ssh/ssh_host_ed25519_key")},
        {"ssh-host-keys", "public key", with_file("/etc/ssh/ssh_host_rsa_key.pub")},
        {"ssh-host-keys", "dropbear", with_file("/etc/dropbear/dropbear_rsa_host_key")},
        {"ssh-host-keys", "named in the configuration",
         [](AuditGuest& g) {
             g.file("/etc/ssh/sshd_config.d/a.conf", "HostKey /srv/keys/host\n");
             g.file("/srv/keys/host", "x");
         }},
        {"ssh-host-key-regenerator", "unit not enabled",
         [](AuditGuest& g) { g.remove("/etc/systemd/system/multi-user.target.wants/keys.service"); }},
        {"ssh-host-key-regenerator", "only at a first boot (Debian 13)",
         with_file("/etc/systemd/system/keys.service",
                   "[Unit]\nConditionFirstBoot=yes\n[Service]\nExecStart=/usr/bin/ssh-keygen -A\n")},
        {"ssh-host-key-regenerator", "masked",
         [](AuditGuest& g) { g.link("/etc/systemd/system/keys.service", "/dev/null"); }},
        {"network-mac", "netplan",
         with_file("/etc/netplan/50-cloud-init.yaml", "match: {macaddress: \"52:54:00:12:34:56\"}\n")},
        {"network-mac", "link file",
         with_file("/etc/systemd/network/10.link", "[Match]\nMACAddress=52:54:00:12:34:56\n")},
        {"network-mac", "ifcfg",
         with_file("/etc/sysconfig/network-scripts/ifcfg-eth0", "HWADDR=52-54-00-12-34-56\n")},
        {"network-mac", "NetworkManager",
         with_file("/etc/NetworkManager/system-connections/a.nmconnection",
                   "mac-address=52:54:00:AB:CD:EF\n")},
        {"entropy", "seed", with_file("/var/lib/systemd/random-seed")},
        {"entropy", "seed on the ESP", with_file("/boot/efi/loader/random-seed")},
        {"entropy", "credential secret", with_file("/var/lib/systemd/credential.secret")},
        {"hostname", "old name", with_file("/etc/hostname", "buildhost\n")},
        {"initramfs-identity", "machine-id inside",
         [](AuditGuest& g) { g.initramfs.emplace_back("/boot/initrd.img!etc/machine-id"); }},
        {"passwords", "root hash", with_file("/etc/shadow", "root:$y$j9T$abc$def:20000::::::\n")},
        {"passwords", "empty", with_file("/etc/shadow", "root::20000::::::\n")},
        {"passwords", "in passwd", with_file("/etc/passwd", "root:abcdefghijklm:0:0:root:/root:/bin/bash\n")},
        {"users", "a person",
         with_file("/etc/passwd",
                   "root:x:0:0:root:/root:/bin/bash\npacker:x:1000:1000::/srv/packer:/bin/bash\n")},
        {"users", "a second root",
         with_file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\ntoor:x:0:0::/root:/bin/bash\n")},
        {"sudo", "drop-in",
         with_file("/etc/sudoers.d/90-cloud-init-users", "debian ALL=(ALL) NOPASSWD:ALL\n")},
        {"sudo", "main file", with_file("/etc/sudoers", "%sudo ALL=(ALL) NOPASSWD: ALL\n")},
        {"home-ssh", "authorized keys", with_file("/root/.ssh/authorized_keys", "ssh-ed25519 AAAA me\n")},
        {"home-ssh", "known hosts", with_file("/home/me/.ssh/known_hosts")},
        {"home-history", "bash", with_file("/root/.bash_history", "ls\n")},
        {"home-credentials", "aws", with_file("/root/.aws/credentials")},
        {"boot-uuids", "fstab",
         with_file("/etc/fstab", "UUID=99999999-2222-3333-4444-555555555555 / ext4 defaults 0 1\n")},
        {"boot-uuids", "grub",
         with_file("/boot/grub/grub.cfg",
                   "search --no-floppy --fs-uuid --set=root 99999999-2222-3333-4444-555555555555\n")},
        {"boot-uuids", "kernel line",
         with_file("/boot/loader/entries/a.conf",
                   "options root=UUID=99999999-2222-3333-4444-555555555555 ro\n")},
        {"boot-uuids", "resume",
         with_file("/etc/initramfs-tools/conf.d/resume",
                   "RESUME=UUID=99999999-2222-3333-4444-555555555555\n")},
        {"cloud-init", "instance", with_file("/var/lib/cloud/instances/iid/user-data.txt")},
        {"cloud-init", "installer", with_file("/etc/cloud/cloud.cfg.d/99-installer.cfg", "growpart: off\n")},
        {"cloud-init", "no datasource",
         with_file("/etc/cloud/cloud.cfg.d/50-x.cfg", "datasource_list: [ None ]\n")},
        {"cloud-init", "disabled", with_file("/etc/cloud/cloud-init.disabled", "")},
        {"snapshots", "snapper", with_file("/.snapshots/1/snapshot/etc/shadow")},
        {"snapshots", "subvolume",
         [](AuditGuest& g) {
             g.os.file_systems.push_back({.mountable = "btrfsvol:/dev/sda2/snapshots/1", .type = "btrfs"});
         }},
        {"clean-shutdown", "dirty", [](AuditGuest& g) { g.os.file_systems[0].dirty = true; }},
        {"efi-loader", "gone", [](AuditGuest& g) { g.remove("/boot/efi/EFI/BOOT"); }},
        {"selinux-labels", "missing", with_file("/etc/selinux/config", "SELINUX=enforcing\n")},
        {"selinux-labels", "autorelabel", with_file("/.autorelabel", "")},
        {"machine-info", "", with_file("/etc/machine-info")},
        {"journal", "", with_file("/var/log/journal/0123456789abcdef0123456789abcdef/system.journal")},
        {"hostid", "", with_file("/etc/hostid")},
        {"timers", "", with_file("/var/lib/apt/periodic/update-stamp")},
        {"clock-drift", "", with_file("/var/lib/chrony/drift")},
        {"dhcp-leases", "dhclient", with_file("/var/lib/dhcp/dhclient.eth0.leases")},
        {"dhcp-leases", "dhcpcd", with_file("/var/lib/dhcpcd/duid")},
        {"networkmanager-state", "", with_file("/var/lib/NetworkManager/secret_key")},
        {"persistent-net", "", with_file("/etc/udev/rules.d/70-persistent-net.rules", "# nothing\n")},
        {"nvme-identity", "", with_file("/etc/nvme/hostnqn")},
        {"overlay-network-identity", "", with_file("/var/lib/tailscale/tailscaled.state")},
        {"lvm-devices", "", with_file("/etc/lvm/devices/system.devices")},
        {"multipath", "", with_file("/etc/multipath/wwids")},
        {"blkid-cache", "", with_file("/etc/blkid.tab")},
        {"device-map", "", with_file("/boot/grub/device.map")},
        {"boot-flags", "", with_file("/.unconfigured", "")},
        {"agents", "", with_file("/var/lib/waagent/x")},
        {"ubuntu-registration", "", with_file("/var/lib/ubuntu-advantage/private/machine-token.json")},
        {"snap-identity", "", with_file("/var/lib/snapd/device/key")},
        {"redhat-registration", "", with_file("/etc/pki/consumer/key.pem")},
        {"suse-registration", "", with_file("/etc/zypp/credentials.d/SCCcredentials")},
        {"configuration-agents", "", with_file("/etc/salt/minion_id")},
        {"container-identity", "", with_file("/var/lib/docker/engine-id")},
        {"kubernetes", "", with_file("/etc/kubernetes/admin.conf")},
        {"directory-membership", "", with_file("/etc/krb5.keytab")},
        {"installer-files", "d-i", with_file("/var/log/installer/cdebconf/questions.dat")},
        {"installer-files", "anaconda", with_file("/root/anaconda-ks.cfg")},
        {"debconf-passwords", "", with_file("/var/cache/debconf/passwords.dat")},
        {"account-backups", "", with_file("/etc/shadow-")},
        {"repository-credentials", "", with_file("/etc/apt/auth.conf.d/x.conf")},
        {"etckeeper", "", with_file("/etc/.git/config")},
        {"mail", "", with_file("/var/mail/root")},
        {"user-jobs", "", with_file("/var/spool/cron/crontabs/root")},
        {"logs", "", with_file("/var/log/nginx/access.log")},
        {"login-records", "", with_file("/var/lib/wtmpdb/wtmp.db")},
        {"crash-dumps", "", with_file("/var/crash/core.1")},
        {"temporary-files", "dot file", with_file("/tmp/.hidden/x")},
        {"caches", "", with_file("/var/cache/apt/archives/x.deb")},
        {"logrotate-state", "", with_file("/var/lib/logrotate/status")},
        {"desktop-state", "", with_file("/var/lib/AccountsService/users/me")},
        {"accounting", "", with_file("/var/account/pacct")},
        {"build-tools", "", with_file("/root/virt-sysprep-firstboot.log")},
        {"iscsi-name", "",
         with_file("/etc/iscsi/initiatorname.iscsi", "InitiatorName=iqn.1993-08.org.debian:01:abc\n")},
        {"popularity-contest", "", with_file("/etc/popularity-contest.conf", "MY_HOSTID=\"abc\"\n")},
        {"tpm-state", "", with_file("/var/lib/systemd/pcrlock.json")},
        {"rescue-kernel", "", with_file("/boot/loader/entries/0123-0-rescue.conf")},
        {"application-ids", "", with_file("/var/lib/mysql/auto.cnf")},
        {"package-database-leftovers", "", with_file("/var/lib/dpkg/status-old")},
        {"networkmanager-profiles", "",
         with_file("/etc/NetworkManager/system-connections/a.nmconnection", "[connection]\nuuid=1\n")},
        {"resolv-conf", "", with_file("/etc/resolv.conf", "nameserver 10.0.0.1\n")},
        {"boot-environment", "", with_file("/boot/grub/grubenv", "# GRUB Environment Block\nrecordfail=1\n")},
        {"grub-install-device", "",
         with_file("/var/cache/debconf/config.dat",
                   "Name: grub-pc/install_devices\nValue: /dev/disk/by-id/ata-QEMU\n")},
        {"snap-login", "", with_file("/var/lib/snapd/state.json", R"({"data":{"auth":{"users":[]}}})")},
        {"libvirt-networks", "",
         with_file("/etc/libvirt/qemu/networks/default.xml", "<network>\n  <uuid>1</uuid>\n</network>\n")},
        {"self-made-keys", "", with_file("/etc/ssl/private/ssl-cert-snakeoil.key")},
    };
    return all;
}

TEST(AuditRules, each_planted_leftover_fails_exactly_its_rule) {
    for (const Planted& leftover : planted()) {
        AuditGuest guest;
        leftover.plant(guest);

        EXPECT_EQ(guest.failing(), std::set{leftover.rule}) << leftover.rule << " " << leftover.what;
    }
}

TEST(AuditRules, every_rule_has_a_planted_leftover) {
    for (const GuestRule& rule : guest_rules()) {
        EXPECT_FALSE(rule.heading.empty() || rule.source.empty()) << rule.name;
        if (rule.name.starts_with("left:") || rule.name.starts_with("site:")) {
            continue;  // made of tables, every row of which tables_test.cpp tries
        }
        EXPECT_TRUE(std::any_of(planted().begin(), planted().end(), [&](const Planted& p) {
            return p.rule == rule.name;
        })) << rule.name;
    }
}

TEST(AuditRules, rule_names_are_unique) {
    std::set<std::string> names;
    for (const GuestRule& rule : guest_rules()) {
        EXPECT_TRUE(names.insert(rule.name).second) << rule.name;
    }
}

TEST(AuditRules, what_the_recipe_declares_is_no_leftover) {
    AuditGuest guest;
    guest.file("/etc/passwd", "root:x:0:0:root:/root:/bin/bash\nops:x:1000:1000::/home/ops:/bin/bash\n");
    guest.file("/etc/shadow", "root:!:20000::::::\nops:$y$j9T$abc$def:20000::::::\n");
    guest.file("/etc/sudoers.d/ops", "ops ALL=(ALL) NOPASSWD: ALL\n");
    guest.file("/home/ops/.ssh/authorized_keys", "ssh-ed25519 AAAA ops\n");
    guest.file("/etc/hostname", "appliance\n");
    guest.expect = {.users = {"ops"}, .passwords = {"ops"}, .sudo = {"ops"}, .hostname = "appliance"};

    EXPECT_THAT(guest.failing(), IsEmpty());
}

TEST(AuditRules, uninitialized_machine_id_is_right_when_asked_for) {
    AuditGuest guest;
    guest.file("/etc/machine-id", "uninitialized\n", 0444);
    guest.expect.machine_id = "uninitialized";

    EXPECT_THAT(guest.failing(), IsEmpty());
}

TEST(AuditRules, openrc_guests_have_no_machine_id_and_make_keys_in_their_script) {
    AuditGuest guest;
    guest.os.init = "openrc";
    guest.remove("/etc/machine-id");
    guest.file("/etc/init.d/sshd", "start_pre() { ssh-keygen -A; }\n");
    EXPECT_THAT(guest.failing(), IsEmpty());

    guest.file("/etc/init.d/sshd", "start() { :; }\n");
    EXPECT_EQ(guest.failing(), std::set<std::string>{"ssh-host-key-regenerator"});
}

TEST(AuditRules, red_hat_units_by_template_count_as_regenerator) {
    AuditGuest guest;
    guest.remove("/etc/systemd/system/multi-user.target.wants/keys.service");
    guest.file("/usr/lib/systemd/system/sshd.service",
               "[Unit]\nWants=sshd-keygen.target\n[Service]\nExecStart=/usr/sbin/sshd -D\n");
    guest.file("/usr/lib/systemd/system/sshd-keygen.target",
               "[Unit]\nWants=sshd-keygen@rsa.service sshd-keygen@ed25519.service\n");
    guest.file("/usr/lib/systemd/system/sshd-keygen@.service",
               "[Service]\nExecStart=/usr/libexec/openssh/sshd-keygen %i\n");

    EXPECT_THAT(guest.failing(), IsEmpty());
}

TEST(AuditRules, comments_and_broadcast_addresses_are_no_mac_pins) {
    AuditGuest guest;
    guest.file("/etc/netplan/01.yaml", "# macaddress: 52:54:00:12:34:56\nx: ff:ff:ff:ff:ff:ff\n");

    EXPECT_THAT(guest.failing(), IsEmpty());
}

TEST(AuditRules, a_partition_id_is_not_taken_for_a_file_system) {
    AuditGuest guest;
    guest.file("/etc/fstab",
               "PARTUUID=99999999-2222-3333-4444-555555555555 / ext4 defaults 0 1\nUUID=ABCD-1234 /mnt vfat "
               "nofail 0 0\n");

    EXPECT_THAT(guest.failing(), IsEmpty());
}

TEST(ImageRules, each_fault_of_the_file_is_found) {
    const auto failing = [](const ImageFacts& facts) {
        std::set<std::string> rules;
        for (const Finding& finding : check_image(facts)) {
            rules.insert(finding.rule);
        }
        return rules;
    };
    EXPECT_THAT(failing({}), IsEmpty());
    EXPECT_EQ(failing({.info = {.backing_file = "base"}}), std::set<std::string>{"image-standalone"});
    EXPECT_THAT(failing({.info = {.backing_file = "base"}, .overlay_expected = true}), IsEmpty());
    EXPECT_EQ(failing({.info = {.snapshots = {"before"}}}), std::set<std::string>{"image-standalone"});
    EXPECT_EQ(failing({.info = {.bitmaps = {"b"}}}), std::set<std::string>{"image-standalone"});
    EXPECT_EQ(failing({.check = {.leaks = 1}}), std::set<std::string>{"image-sound"});
    EXPECT_EQ(failing({.info = {.corrupt = true}}), std::set<std::string>{"image-sound"});
    EXPECT_EQ(failing({.used_bytes = 1U << 30U, .allocated_bytes = 2ULL << 30U}),
              std::set<std::string>{"image-sparse"});
    EXPECT_THAT(failing({.used_bytes = 1U << 30U, .allocated_bytes = 1U << 30U}), IsEmpty());
}

TEST(GuestTree, links_are_resolved_within_the_tree_and_loops_end) {
    AuditGuest guest;
    guest.link("/a", "b");
    guest.link("/b", "/a");
    guest.link("/esc", "../../etc");

    EXPECT_EQ(guest.tree.resolve("/a"), std::nullopt);
    EXPECT_EQ(guest.tree.resolve("/esc/hostname"), "/etc/hostname");
    EXPECT_EQ(guest.tree.read("/var/lib/dbus/machine-id"), "");
}

}  // namespace
}  // namespace imgforge::sysprep::audit
