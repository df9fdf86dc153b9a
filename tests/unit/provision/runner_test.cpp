// SPDX-License-Identifier: GPL-3.0-or-later
#include <gmock/gmock.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/json_schema.hpp"
#include "builder/base/redact.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/provision/ansible.hpp"
#include "pipelines/provision/check_runner.hpp"
#include "pipelines/provision/step_runner.hpp"
#include "tests/support/fake_process_runner.hpp"

using testing::Contains;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::Not;

namespace imgforge::provision {
namespace {

const lifecycle::SshTarget clone{.machine = "m",
                                 .host = "127.0.0.1",
                                 .port = 22001,
                                 .user = "imgforge-build",
                                 .identity = "/f/id",
                                 .known_hosts = "/f/known_hosts"};

Step step_of(const char* text) {
    return parse_steps(Json::parse(text), "/r").front();
}

TEST(StepError, says_step_exit_code_and_last_lines) {
    const Step step = step_of(R"({"script": "setup.sh"})");
    const Error error = step_error(step, 2, 5, {.code = 7}, {"first", "cannot open it"}, true);
    EXPECT_EQ(error.message(), "step 2 of 5 (script setup.sh) exited with 7");
    EXPECT_EQ(error.kind(), Failure::guest);
    EXPECT_THAT(error.describe(), HasSubstr("cannot open it"));
}

TEST(StepError, knows_a_full_disk_a_missing_network_a_deadline_and_a_lost_connection) {
    const Step step = step_of(R"({"steps": [{"run": "apt-get install nginx", "timeout": "90s"}]})");
    EXPECT_THAT(step_error(step, 1, 1, {.code = 1}, {"tar: x: No space left on device"}, true).hint(),
                HasSubstr("disk is full"));
    EXPECT_THAT(
        step_error(step, 1, 1, {.code = 100}, {"Temporary failure resolving 'mirror.example.org'"}, true)
            .hint(),
        HasSubstr("network: user"));
    const Error late = step_error(step, 1, 1, {.outcome = ProcessResult::Outcome::timed_out}, {}, true);
    EXPECT_EQ(late.kind(), Failure::timeout);
    EXPECT_THAT(late.message(), HasSubstr("did not end within 1m30s"));
    EXPECT_THAT(step_error(step, 1, 1, {.code = 255}, {}, true).message(), HasSubstr("lost its connection"));
    EXPECT_THAT(step_error(step, 1, 1, {.code = 255}, {}, false).message(), HasSubstr("exited with 255"));
}

TEST(StepRunner, a_secret_reaches_the_guest_by_stdin_and_nothing_else) {
    remember_secret("s3cret-value");
    test::FakeProcessRunner processes;
    processes.expect("ssh", {.code = 1, .err = ""}, [](const ProcessSpec& spec) {
        EXPECT_THAT(spec.stdin_text, HasSubstr("s3cret-value"));
        for (const std::string& argument : spec.args) {
            EXPECT_THAT(argument, Not(HasSubstr("s3cret-value")));
        }
    });
    SystemClock clock;
    RecordingMonitor monitor;
    const GuestShell shell(processes, clone);
    const StepContext context{.processes = &processes,
                              .clock = &clock,
                              .monitor = &monitor,
                              .secret = [](const std::string&) { return std::string("s3cret-value"); },
                              .folder = "/f",
                              .shell = [&]() -> const GuestShell& { return shell; }};
    try {
        run_steps(parse_steps(Json::parse(R"({"run": "login ${secrets.token}"})"), "/r"), context);
        FAIL() << "must throw";
    } catch (const Error& error) {
        EXPECT_THAT(error.describe(), Not(HasSubstr("s3cret-value")));
    }
    for (const MonitorEvent& event : monitor.events()) {
        EXPECT_THAT(event.name + event.detail, Not(HasSubstr("s3cret-value")));
    }
}

TEST(Ansible, inventory_variables_and_command_hold_no_secret) {
    const AnsibleStep step =
        std::get<AnsibleStep>(step_of(R"({"ansible": {"playbook": "a/site.yml", "args": ["--tags", "web"],
                   "extra-vars": {"pass": "x${secrets.db-pass}", "port": 80}}})")
                                  .action);
    EXPECT_EQ(parse_json(ansible_variables(step.extra_vars), "vars"),
              Json::parse(R"({"pass": "x{{ lookup('env', 'IMGFORGE_SECRET_db_pass') }}", "port": 80})"));
    const ProcessSpec spec = ansible_command(step, "/f/inventory.json", "/f/vars.json", "/f/ansible");
    EXPECT_THAT(spec.args, ElementsAre("--inventory", "/f/inventory.json", "--extra-vars", "@/f/vars.json",
                                       "--tags", "web", "/r/a/site.yml"));
    EXPECT_EQ(spec.cwd, "/r/a");
    const Json host = parse_json(ansible_inventory(clone), "inventory")["all"]["hosts"]["m"];
    EXPECT_EQ(host["ansible_port"], 22001);
    EXPECT_EQ(host["ansible_become"], true);
    EXPECT_THAT(host["ansible_ssh_common_args"].get<std::string>(), HasSubstr("StrictHostKeyChecking=yes"));
    EXPECT_FALSE(galaxy_command(step, "/f/ansible"));
}

TEST(Testinfra, results_are_checks_of_their_own) {
    const auto results = testinfra_results(R"(<?xml version="1.0"?><testsuites><testsuite>
        <testcase classname="t" name="test_nginx[ssh://m]" time="0.5"/>
        <testcase name="test_port[ssh://m-80]" time="1.25">
            <failure message="assert False">E  assert False</failure></testcase>
        <testcase name="test_old[ssh://m]"><skipped message="not here"/></testcase></testsuite>
            </testsuites>)",
                                           "testinfra web.py");
    ASSERT_EQ(results.size(), 3U);
    EXPECT_EQ(results[0].name, "testinfra web.py: test_nginx");
    EXPECT_TRUE(results[0].ok);
    EXPECT_EQ(results[1].name, "testinfra web.py: test_port[80]");
    EXPECT_FALSE(results[1].ok);
    EXPECT_EQ(results[1].output, "E  assert False");
    EXPECT_DOUBLE_EQ(results[1].seconds, 1.25);
    EXPECT_TRUE(results[2].ok);
    EXPECT_THROW(testinfra_results("no xml", "x"), Error);
}

TEST(PortProbe, reads_qemus_table_of_connections) {
    const char* const table =
        "Hub -1 (net0):\n  Protocol[State]    FD  Source Address  Port   Dest. Address  Port RecvQ SendQ\n"
        "  TCP[ESTABLISHED]   12       127.0.0.1 22001       10.0.2.15    22     0     0\n"
        "  TCP[SYN_SENT]      14       127.0.0.1 22080       10.0.2.15    80     0     0\n"
        "  TCP[HOST_FORWARD]  11       127.0.0.1 22443       10.0.2.15   443     0     0\n";
    EXPECT_EQ(established(table, 22), true);
    EXPECT_EQ(established(table, 80), false);
    EXPECT_EQ(established(table, 443), std::nullopt);
}

TEST(Checks, what_is_written_becomes_named_checks) {
    const Json options = Json::parse(R"({"services": ["ssh", {"nginx": {"enabled": false}}], "ports": [22],
        "files": [{"/etc/motd": {"mode": "0644", "contains": "hi"}}, {"/old": {"absent": true}}],
        "packages": ["nginx"], "run": ["true", "true", {"command": "id", "name": "who",
            "expect": "root"}]})");
    std::vector<std::string> names;
    for (const Check& check : parse_checks(options, "/r", {})) {
        names.push_back(check.name);
    }
    EXPECT_THAT(names,
                ElementsAre("service ssh is active", "service ssh is enabled", "service nginx is active",
                            "service nginx is not enabled", "port 22 is reachable", "/etc/motd exists",
                            "/etc/motd has mode 644", "/etc/motd contains the text", "/old is not there",
                            "package nginx is installed", "run true", "run true (2)", "run who"));
    EXPECT_THAT(check_checks(Json::object(), "/r"),
                Contains(testing::Pair("", HasSubstr("nothing to verify"))));
    EXPECT_THAT(check_checks(Json::parse(R"({"testinfra": "no.py", "files": ["etc/x"]})"), "/r"),
                testing::SizeIs(2));
}

}  // namespace
}  // namespace imgforge::provision
