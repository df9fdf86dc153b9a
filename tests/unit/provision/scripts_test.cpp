// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "builder/base/process.hpp"
#include "builder/base/temp_dir.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/ssh_keys.hpp"
#include "pipelines/provision/build_machine.hpp"
#include "pipelines/provision/build_user.hpp"
#include "pipelines/provision/guest_script.hpp"
#include "seeds/user_data.hpp"

using testing::HasSubstr;
using testing::Not;

namespace imgforge::provision {
namespace {

std::string no_secret(const std::string& name) {
    return "value of " + name;
}

/// Runs a guest's script here, as a file as the guest does.
ProcessResult run_here(const std::string& script) {
    return SystemProcessRunner().run(
        {.program = "sh",
         .args = {"-c", "d=$(mktemp -d); cat >$d/step; sh $d/step </dev/null; c=$?; rm -rf $d; exit $c"},
         .stdin_text = script,
         .timeout = std::chrono::seconds(20)});
}

TEST(GuestScript, the_first_line_that_fails_ends_it_and_is_named) {
    const ProcessResult result = run_here(run_script({{"echo one", "exit 7", "echo three"}}, {}, no_secret));
    EXPECT_EQ(result.code, 7);
    EXPECT_EQ(result.out, "one\n");
    EXPECT_EQ(failed_line(result.err.substr(0, result.err.find('\n'))), 2U);
    EXPECT_FALSE(failed_line("imgforge-failed-line x"));
    EXPECT_FALSE(failed_line("something else"));
}

TEST(GuestScript, values_and_secrets_are_one_word_whatever_is_in_them) {
    const auto secret = [](const std::string&) { return std::string("it's $(reboot) \"x\" `y`"); };
    const ProcessResult result =
        run_here(run_script({{"printf '[%s]' \"${secrets.token}\"", "printf '[%s]' \"$A\""}},
                            {{"A", "a b ${secrets.token}"}}, secret));
    EXPECT_EQ(result.out, "[it's $(reboot) \"x\" `y`][a b it's $(reboot) \"x\" `y`]") << result.err;
}

TEST(GuestScript, a_script_runs_by_its_first_line_with_arguments_and_environment) {
    const ProcessResult shell =
        run_here(script_script({.file = "/host/set up.sh", .args = {"a b", "${secrets.s}"}},
                               "echo \"$1|$2|$V|${0##*/}\"\n", {{"V", "v"}}, no_secret));
    EXPECT_EQ(shell.out, "a b|value of s|v|set up.sh\n") << shell.err;
    const ProcessResult awk = run_here(script_script(
        {.file = "x.awk"}, "#!/usr/bin/awk -f\nBEGIN { print \"by awk\"; exit 3 }\n", {}, no_secret));
    EXPECT_EQ(awk.out, "by awk\n") << awk.err;
    EXPECT_EQ(awk.code, 3);
}

TEST(GuestScript, waiting_looks_at_what_is_there) {
    EXPECT_TRUE(run_here(wait_script({WaitStep::Kind::file, "/etc/passwd"}, {}, no_secret)).ok());
    EXPECT_FALSE(run_here(wait_script({WaitStep::Kind::file, "/nowhere"}, {}, no_secret)).ok());
    EXPECT_TRUE(run_here(wait_script({WaitStep::Kind::command, "test \"${secrets.a}\" = 'value of a'"}, {},
                                     no_secret))
                    .ok());
    EXPECT_FALSE(run_here(wait_script({WaitStep::Kind::port, "1"}, {}, no_secret)).ok());
}

TEST(GuestScript, secrets_are_filled_in_everywhere_in_a_tree) {
    const Json tree = Json::parse(R"({"a": ["x ${secrets.t}", 1], "b": {"c": true}})");
    EXPECT_EQ(with_secrets_in(tree, no_secret),
              Json::parse(R"({"a": ["x value of t", 1], "b": {"c": true}})"));
}

TEST(BuildUser, the_seed_makes_one_user_with_a_key_and_keeps_the_host_name) {
    const seeds::SeedSpec seed = build_seed(lifecycle::make_ssh_key("x").public_key,
                                            seeds::make_host_keys({"ed25519"}, "m"), "imgforge-provision-x");
    const Json config = seeds::cloud_config(seed);
    ASSERT_EQ(config["users"].size(), 1U);
    EXPECT_EQ(config["users"][0]["name"], build_user);
    EXPECT_EQ(config["preserve_hostname"], true);
    EXPECT_TRUE(config["users"][0].value("lock_passwd", true));
    EXPECT_EQ(seeds::seed_files(seed).count("user-data"), 1U);
}

TEST(BuildUser, the_removal_is_a_script_that_sh_reads) {
    for (const std::string& script : {removal_script(), reboot_script()}) {
        const ProcessResult read = SystemProcessRunner().run(
            {.program = "sh", .args = {"-n"}, .stdin_text = script, .timeout = std::chrono::seconds(20)});
        EXPECT_TRUE(read.ok()) << read.err << script;
    }
    EXPECT_THAT(removal_script(), HasSubstr(removed_mark));
}

TEST(BuildMachine, without_network_only_ssh_leads_in) {
    BuildMachinePlan plan{.name = "imgforge-provision-web-1", .folder = "/run/f", .disk = "/s/disk.qcow2"};
    plan.backing = {"/l/b.qcow2", "/l/a.raw"};
    plan.backing_end = "raw";
    const std::string off = virt::domain_xml(build_domain(plan, "/run/f/seed.iso", 22001));
    EXPECT_THAT(off, HasSubstr("user,id=imgforge-net0,restrict=on,hostfwd=tcp:127.0.0.1:22001-:22"));
    plan.network = GuestNetwork::user;
    EXPECT_THAT(virt::domain_xml(build_domain(plan, "/run/f/seed.iso", 22001)),
                Not(HasSubstr("restrict=on")));
    plan.network = GuestNetwork::nat;
    EXPECT_THAT(virt::domain_xml(build_domain(plan, "/run/f/seed.iso", 22001)),
                HasSubstr("network=\"default\""));
    const virt::DomainSpec spec = build_domain(plan, "/run/f/seed.iso", 1);
    EXPECT_EQ(spec.disks[0].backing[0].format, "qcow2");
    EXPECT_EQ(spec.disks[0].backing[1].format, "raw");
}

}  // namespace
}  // namespace imgforge::provision
