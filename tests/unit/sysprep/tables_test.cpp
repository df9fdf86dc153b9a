// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include <algorithm>
#include <fstream>
#include <set>
#include <sstream>

#include "sysprep/audit/content_scan.hpp"
#include "sysprep/audit/rules.hpp"
#include "sysprep/audit/secret_patterns.hpp"
#include "sysprep/audit/site_rules.hpp"
#include "sysprep/paths.hpp"
#include "sysprep/registry.hpp"
#include "sysprep/runner.hpp"
#include "sysprep/selection.hpp"
#include "tests/support/memory_guest_fs.hpp"

namespace imgforge::sysprep {
namespace {

using Files = std::map<std::string, std::string>;
using guest::FileType;
using guest::MemoryGuestFs;
using testing::ElementsAre;

guest::Inspection of_family(const std::string& family) {
    guest::Inspection os;
    os.family = family;
    os.init = "systemd";
    return os;
}

void clean(MemoryGuestFs& fs, const guest::Inspection& os, const SysprepOptions& options = {}) {
    for (const Operation& operation : select_operations("", all_operations())) {
        perform(operation, fs, os, options);
    }
}

TEST(Braces, are_written_out_as_a_shell_does) {
    EXPECT_THAT(without_braces("/a/{b,c{1,2},}x"), ElementsAre("/a/bx", "/a/c1x", "/a/c2x", "/a/x"));
    EXPECT_THAT(without_braces("/a/{b"), ElementsAre("/a/{b"));
}

TEST(Paths, of_a_row_are_taken_apart) {
    const Operation row{.name = "x", .paths = "~/.a  /b/*\n /c/  =/d"};
    const PathSet set = paths_of(row, {"/root", "/home/u"});
    EXPECT_THAT(set.remove, ElementsAre("/root/.a", "/home/u/.a", "/b/*"));
    EXPECT_THAT(set.clear, ElementsAre("/c"));
    EXPECT_THAT(set.empty, ElementsAre("/d"));
}

TEST(Tables, clean_a_file_wherever_it_lies_and_not_only_in_its_family) {
    for (const char* family : {"debian", "other"}) {
        const std::vector<std::string> paths{"/etc/pki/consumer/key.pem",
                                             "/etc/sysconfig/rhn/systemid",
                                             "/etc/insights-client/machine-id",
                                             "/etc/zypp/credentials.d/SCCcredentials",
                                             "/var/lib/zypp/AnonymousUniqueId",
                                             "/etc/apt/auth.conf.d/90ubuntu-advantage.conf",
                                             "/srv/ci/.ssh/id_rsa"};
        MemoryGuestFs fs;
        for (const std::string& path : paths) {
            fs.add(path, "secret", 0600);
        }

        clean(fs, of_family(family));

        for (const std::string& path : paths) {
            EXPECT_FALSE(fs.exists(path)) << family << " " << path;
        }
    }
}

TEST(Tables, leave_what_a_system_needs) {
    const std::vector<std::string> keepers{"/etc/passwd",
                                           "/etc/fstab",
                                           "/etc/ssh/moduli",
                                           "/etc/ssh/sshd_config",
                                           "/etc/default/grub",
                                           "/etc/resolvconf/resolv.conf.d/base",
                                           "/etc/ssl/certs/ca-certificates.crt",
                                           "/etc/docker/daemon.json",
                                           "/etc/kubernetes/manifests/kube.yaml",
                                           "/etc/nginx/nginx.conf",
                                           "/etc/zabbix/zabbix_agentd.conf",
                                           "/etc/netbird.d/readme",
                                           "/etc/salt/master",
                                           "/etc/gitlab-runner/template.toml",
                                           "/root/.bashrc",
                                           "/root/.profile",
                                           "/var/lib/dpkg/status",
                                           "/var/lib/rpm/rpmdb.sqlite",
                                           "/var/lib/ucf/registry",
                                           "/var/lib/docker/overlay2/aa/diff/etc/machine-id",
                                           "/var/lib/unbound/root.key",
                                           "/var/cache/debconf/templates.dat",
                                           "/var/lib/AccountsService/readme",
                                           "/opt/app/bin/app",
                                           "/var/lib/postgresql/15/main/base/1/1",
                                           "/var/lib/mysql/ibdata1",
                                           "/var/lib/grafana/plugins/x",
                                           "/usr/lib/os-release",
                                           "/boot/vmlinuz-6.1",
                                           "/etc/sudoers.d/README",
                                           "/home/u/project/token.cpp"};
    MemoryGuestFs fs;
    for (const std::string& path : keepers) {
        fs.add(path, path == "/etc/passwd" ? "root:x:0:0::/root:/bin/sh\nu:x:1000:1000::/home/u:/bin/sh\n"
                                           : "content\n");
    }

    clean(fs, of_family("debian"));

    for (const std::string& path : keepers) {
        EXPECT_TRUE(fs.exists(path)) << path;
    }
}

TEST(BackupFiles, go_in_every_depth_but_not_out_of_databases) {
    MemoryGuestFs fs(Files{{"/etc/a/b/c/x.bak", "x"},
                           {"/etc/shadow~", "x"},
                           {"/var/www/app/.conf.swp", "x"},
                           {"/root/notes.orig", "x"},
                           {"/var/lib/dpkg/info/x.bak", "x"},
                           {"/etc/backup.conf", "x"}});
    perform(select_operations("backup-files", all_operations()).front(), fs, of_family("debian"), {});
    EXPECT_FALSE(fs.exists("/etc/a/b/c/x.bak"));
    EXPECT_FALSE(fs.exists("/etc/shadow~"));
    EXPECT_FALSE(fs.exists("/var/www/app/.conf.swp"));
    EXPECT_FALSE(fs.exists("/root/notes.orig"));
    EXPECT_TRUE(fs.exists("/var/lib/dpkg/info/x.bak"));
    EXPECT_TRUE(fs.exists("/etc/backup.conf"));
}

TEST(RequestedPaths, are_removed_homes_included) {
    MemoryGuestFs fs(Files{{"/etc/wireguard/wg0.conf", "k"}, {"/root/plan.txt", "x"}, {"/root/other", "x"}});
    clean(fs, of_family("debian"), {.remove = {"/etc/wireguard/*", "~/plan.txt"}});
    EXPECT_FALSE(fs.exists("/etc/wireguard/wg0.conf"));
    EXPECT_FALSE(fs.exists("/root/plan.txt"));
    EXPECT_TRUE(fs.exists("/root/other"));
}

audit::GuestTree tree_of(const Files& files) {
    audit::GuestTree tree;
    for (const auto& [path, content] : files) {
        for (std::size_t slash = path.find('/', 1); slash != std::string::npos;
             slash = path.find('/', slash + 1)) {
            tree.add(path.substr(0, slash), {.stat = {.type = FileType::directory}});
        }
        tree.add(path, {.stat = {.size = content.size()}, .content = content});
    }
    return tree;
}

/// A path that the pattern matches: "x" for what it leaves open.
std::string match_of(const std::string& pattern) {
    std::string path;
    for (std::size_t at = 0; at < pattern.size(); ++at) {
        if (pattern[at] == '[') {
            const bool inverted = pattern[at + 1] == '!';
            path += inverted ? 'x' : pattern[at + 1];
            at = pattern.find(']', at);
        } else if (pattern[at] == '\\') {
            path += pattern[++at];
        } else {
            path += pattern[at] == '*' || pattern[at] == '?' ? 'x' : pattern[at];
        }
    }
    return path;
}

/// One file for each pattern, braces written out, of the words of a row.
std::vector<std::string> files_of(const std::string& words) {
    std::vector<std::string> out;
    std::istringstream stream(words);
    for (std::string word; stream >> word;) {
        const bool folder = word.ends_with('/');
        for (const std::string& home : below_homes(word.substr(word.starts_with('=') ? 1 : 0), {"/home/u"})) {
            for (const std::string& pattern : without_braces(home)) {
                out.push_back(match_of(pattern) + (folder ? "x" : ""));
            }
        }
    }
    return out;
}

std::set<std::string> named_by_audit(const std::vector<std::string>& files) {
    audit::GuestTree tree;
    std::set<std::string> found;
    for (const std::string& path : files) {
        for (auto slash = path.find('/', 1); slash != std::string::npos; slash = path.find('/', slash + 1)) {
            tree.add(path.substr(0, slash), {.stat = {.type = FileType::directory}});
        }
    }
    for (const std::string& path : files) {
        if (!tree.exists(path)) {
            tree.add(path, {.stat = {.size = 7}, .content = "secret\n"});
        }
    }
    tree.add("/etc/passwd", {.stat = {.size = 1}, .content = "u:x:1000:1000::/home/u:/bin/sh\n"});
    const guest::Inspection os = of_family("debian");
    const audit::Expectations expect;
    for (const audit::Finding& finding :
         audit::check_guest({.tree = tree, .os = os, .expect = expect, .initramfs_identity = {}})) {
        found.insert(finding.path);
    }
    return found;
}

bool is_covered(const std::set<std::string>& found, const std::string& path) {
    return std::any_of(found.begin(), found.end(), [&](const std::string& name) {
        return name == path || path.starts_with(name + "/") || name.starts_with(path + "/");
    });
}

TEST(Tables, every_path_is_cleaned_and_would_be_seen_by_the_audit) {
    for (const Operation& operation : all_operations()) {
        const std::vector<std::string> files = files_of(operation.paths);
        if (files.empty()) {
            continue;
        }
        const std::set<std::string> found = named_by_audit(files);
        MemoryGuestFs fs(Files{{"/etc/passwd", "u:x:1000:1000::/home/u:/bin/sh\n"}});
        for (const std::string& path : files) {
            EXPECT_TRUE(is_covered(found, path)) << operation.name << ": the audit does not see " << path;
            fs.make_directory(guest::parent_of(path));
        }
        for (const std::string& path : files) {
            if (!fs.exists(path)) {
                fs.add(path, "secret\n");
            }
        }

        perform(operation, fs, of_family("other"), {});

        for (const std::string& path : files) {
            EXPECT_FALSE(fs.is_file(path) && fs.read(path) == "secret\n")
                << operation.name << " leaves " << path;
        }
    }
}

TEST(SiteRules, every_path_of_a_row_is_a_finding) {
    for (const audit::SiteRow& row : audit::site_rows()) {
        const std::vector<std::string> files = files_of(row.paths);
        const std::set<std::string> found = named_by_audit(files);
        for (const std::string& path : files) {
            EXPECT_TRUE(is_covered(found, path)) << row.kind << " " << path;
        }
    }
}

TEST(SiteRules, say_what_it_is_and_both_ways_out) {
    const auto tree = tree_of({{"/etc/wireguard/wg0.conf", "[Interface]\nPrivateKey = x\n"},
                               {"/etc/ppp/chap-secrets", "# client server secret\n"},
                               {"/etc/ssl/private/site.key", "-----BEGIN PRIVATE KEY-----\n"}});
    const guest::Inspection os = of_family("debian");
    const audit::Expectations expect;
    std::map<std::string, audit::Finding> found;
    for (const audit::Finding& finding :
         audit::check_guest({.tree = tree, .os = os, .expect = expect, .initramfs_identity = {}})) {
        found.emplace(finding.path, finding);
    }
    ASSERT_TRUE(found.contains("/etc/wireguard/wg0.conf"));
    EXPECT_TRUE(found.contains("/etc/ssl/private/site.key"));
    EXPECT_EQ(found.at("/etc/ssl/private/site.key").rule, "site:tls-key");
    EXPECT_THAT(found.at("/etc/ssl/private/site.key").detail,
                testing::HasSubstr("--remove '/etc/ssl/private/site.key'"));
    EXPECT_THAT(found.at("/etc/ssl/private/site.key").detail, testing::HasSubstr("rule: 'site:tls-key'"));
    EXPECT_FALSE(found.contains("/etc/ppp/chap-secrets")) << "a template of comments";
}

TEST(SiteRules, know_secrets_by_the_names_of_their_files) {
    for (const char* const path :
         {"/etc/restic/repo.pw", "/var/urbackup/server_ident.priv", "/etc/tower/SECRET_KEY",
          "/etc/brlapi.key", "/srv/app/conf/db-password.txt", "/data/hsm/token.pin",
          "/etc/stackstorm/conf/htpasswd"}) {
        EXPECT_THAT(named_by_audit({path}), testing::Contains(path));
    }
}

TEST(SiteRules, take_state_of_packages_and_text_of_programs_for_no_secret) {
    const std::map<std::string, std::string> legitimate{
        {"/var/lib/pam/password", "Module: unix\n"},
        {"/var/lib/dpkg/info/passwd.list", "/.\n/etc\n"},
        {"/var/lib/dpkg/info/base-passwd.postinst", "#!/bin/sh\n"},
        {"/var/lib/ucf/cache/:etc:passwd.conf", "x\n"},
        {"/var/lib/private/systemd/timesync/clock", "x\n"},
        {"/usr/local/lib/python3.11/dist-packages/secretstorage/util.py", "x = 1\n"},
        {"/var/lib/gems/3.1.0/gems/password_strength/lib/a.txt", "x\n"},
        {"/usr/local/share/man/man1/passwd-tool.1.gz", "x\n"},
        {"/etc/ipsec.secrets", "# managed by debconf\ninclude /var/lib/strongswan/ipsec.secrets.inc\n"},
        {"/etc/apt/keyrings/vendor.key", "-----BEGIN PGP PUBLIC KEY BLOCK-----\n"},
        {"/etc/trusted-key.key", ". 86400 IN DNSKEY 257 3 8 AwEAAa\n"},
        {"/boot/grub/i386-pc/password.mod", "x\n"},
        {"/etc/pam.d/common-password", "password requisite pam_deny.so\n"},
        {"/var/lib/systemd/deb-systemd-helper-enabled/systemd-ask-password-wall.path", "x\n"},
        {"/usr/local/go/src/crypto/tls/testdata/example-key.key", "x\n"},
        {"/etc/agent/secret.conf", "# nothing is set\n"},
        {"/opt/vendor/ssl/cacert.pem", "-----BEGIN CERTIFICATE-----\nMIIB\n-----END CERTIFICATE-----\n"},
    };
    const auto tree = tree_of(legitimate);
    const guest::Inspection os = of_family("debian");
    const audit::Expectations expect;
    for (const audit::Finding& finding :
         audit::check_guest({.tree = tree, .os = os, .expect = expect, .initramfs_identity = {}})) {
        EXPECT_FALSE(finding.rule.starts_with("site:") && legitimate.contains(finding.path))
            << finding.rule << " " << finding.path;
    }
}

}  // namespace
}  // namespace imgforge::sysprep
