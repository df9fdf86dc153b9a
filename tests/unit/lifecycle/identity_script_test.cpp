// SPDX-License-Identifier: GPL-3.0-or-later
// The scripts are read by a real shell (`sh -n`), and what they write of files runs in one; what they do to a
// machine is seen in tests/boot/lifecycle.sh.
#include "pipelines/lifecycle/warm/identity_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/lifecycle/warm/network_script.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::HasSubstr;

CloneIdentity an_identity() {
    return {.hostname = "web-1",
            .machine_id = "0123456789abcdef0123456789abcdef",
            .boot_id = "11111111-2222-4333-8444-555555555555",
            .user = "debian",
            .ssh_keys = {"ssh-ed25519 AAAA it's $HOME `id`"},
            .host_keys = {{"ed25519", "-----BEGIN-----\nsecret\n-----END-----\n", "ssh-ed25519 BBBB host"}},
            .entropy = std::string(64, '\x7f')};
}

void expect_shell_reads(const std::string& script) {
    SystemProcessRunner runner;
    const ProcessResult result = runner.run(
        {.program = "sh", .args = {"-n"}, .stdin_text = script, .timeout = std::chrono::seconds(10)});
    EXPECT_TRUE(result.ok()) << result.err << "\n" << script;
}

TEST(IdentityScript, every_script_is_read_by_a_shell) {
    expect_shell_reads(identity_script(an_identity(), "1700000000.123"));
    expect_shell_reads(network_script({{"52:54:00:00:00:01"}, {"52:54:00:00:00:02", true}}));
    expect_shell_reads(network_script({}));
    expect_shell_reads(network_script_of_whole("52:54:00:00:00:01"));
    expect_shell_reads(template_ready_script());
    expect_shell_reads(template_seal_script("debian"));
}

/// The lines of a script from the one that begins with `first` to the one that begins with `last`, both
/// included.
std::string lines_of(const std::string& script, const std::string& first, const std::string& last) {
    const auto begin = script.find("\n" + first) + 1;
    const auto end = script.find("\n" + last, begin) + 1;
    return script.substr(begin, script.find('\n', end) + 1 - begin);
}

std::string replaced(std::string text, const std::string& what, const std::string& with) {
    for (auto at = text.find(what); at != std::string::npos; at = text.find(what, at + with.size())) {
        text.replace(at, what.size(), with);
    }
    return text;
}

TEST(IdentityScript, files_are_written_with_their_modes_and_keys_are_data_for_the_shell) {
    CloneIdentity identity = an_identity();
    identity.ssh_keys.push_back("ssh-ed25519 CCCC\nreboot; 'quoted' \\n %s");
    const std::string script = identity_script(identity, "1700000000.123");
    EXPECT_THAT(script, HasSubstr("date -u -s @1700000000.123 "));

    const TempDir root("imgforge-identity");
    const std::string at = root.path().string();
    make_directories(root.path() / "home/.ssh");
    std::string part = lines_of(script, "[ -d /etc/ssh ]", "chown -R");
    part = replaced(part, "chown -R", ": chown -R");
    part = "set -eu\nuser=x\nhome=" + at + "/home\n" + replaced(part, "/etc/ssh", at + "/etc/ssh");
    SystemProcessRunner runner;
    const ProcessResult result = runner.run(
        {.program = "sh", .args = {"-s"}, .stdin_text = part, .timeout = std::chrono::seconds(10)});
    ASSERT_TRUE(result.ok()) << result.err << part;
    EXPECT_EQ(read_file(root.path() / "etc/ssh/ssh_host_ed25519_key"), identity.host_keys[0].private_key);
    EXPECT_EQ(read_file(root.path() / "etc/ssh/ssh_host_ed25519_key.pub"), "ssh-ed25519 BBBB host\n");
    EXPECT_EQ(read_file(root.path() / "home/.ssh/authorized_keys"),
              identity.ssh_keys[0] + "\n" + identity.ssh_keys[1] + "\n");
    using std::filesystem::perms;
    const auto mode = [&](const char* path) {
        return std::filesystem::status(root.path() / path).permissions();
    };
    EXPECT_EQ(mode("etc/ssh/ssh_host_ed25519_key"), perms::owner_read | perms::owner_write);
    EXPECT_EQ(mode("home/.ssh/authorized_keys"), perms::owner_read | perms::owner_write);
}

TEST(IdentityScript, template_name_in_hosts_becomes_the_clones) {
    const std::string script = identity_script(an_identity(), "1");
    const TempDir root("imgforge-identity");
    const std::filesystem::path hosts = root.path() / "hosts";
    write_file_atomically(
        hosts, "127.0.0.1 localhost\n127.0.1.1 imgforge-template.lan imgforge-template\n# \\n end");
    const std::string part =
        "set -eu\nhostname=web-1\ntemplate=imgforge-template\n" +
        replaced(lines_of(script, "hosts=", "printf %s \"$hosts\""), "/etc/hosts", hosts.string());
    SystemProcessRunner runner;
    const ProcessResult result = runner.run(
        {.program = "sh", .args = {"-s"}, .stdin_text = part, .timeout = std::chrono::seconds(10)});
    ASSERT_TRUE(result.ok()) << result.err << part;
    EXPECT_EQ(read_file(hosts), "127.0.0.1 localhost\n127.0.1.1 web-1.lan web-1\n# \\n end\n");
}

TEST(IdentityScript, names_that_could_be_commands_are_refused) {
    for (const std::string& bad : {std::string("a;reboot"), std::string("$(id)"), std::string(""),
                                   std::string("-x"), std::string("a b")}) {
        CloneIdentity identity = an_identity();
        identity.hostname = bad;
        EXPECT_THROW(identity_script(identity, "1"), Error) << bad;
        identity = an_identity();
        identity.user = bad;
        EXPECT_THROW(identity_script(identity, "1"), Error) << bad;
        EXPECT_THROW(network_script({{bad}}), Error) << bad;
    }
}

}  // namespace
}  // namespace imgforge::lifecycle
