// SPDX-License-Identifier: GPL-3.0-or-later
// The scripts are read by a real shell (`sh -n`); what they do is seen in tests/boot/warm.sh.
#include "pipelines/lifecycle/warm/identity_script.hpp"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/process.hpp"

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
    expect_shell_reads(network_script({"52:54:00:00:00:01", "52:54:00:00:00:02"}));
    expect_shell_reads(template_ready_script());
    expect_shell_reads(template_seal_script());
}

TEST(IdentityScript, keys_are_data_for_the_shell) {
    const std::string script = identity_script(an_identity(), "1700000000.123");
    EXPECT_THAT(
        script,
        HasSubstr("<<'IMGFORGE-END-OF-FILE'\nssh-ed25519 AAAA it's $HOME `id`\nIMGFORGE-END-OF-FILE\n"));
    EXPECT_THAT(script, HasSubstr("/etc/ssh/ssh_host_ed25519_key"));
    EXPECT_THAT(script, HasSubstr("date -u -s @1700000000.123 "));
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
        EXPECT_THROW(network_script({bad}), Error) << bad;
    }
    CloneIdentity identity = an_identity();
    identity.ssh_keys = {"ssh-ed25519 AAAA\nIMGFORGE-END-OF-FILE\nreboot"};
    EXPECT_THROW(identity_script(identity, "1"), Error);
}

}  // namespace
}  // namespace imgforge::lifecycle
