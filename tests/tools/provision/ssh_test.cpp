// SPDX-License-Identifier: GPL-3.0-or-later
// The conversation with a guest, held with an sshd of this test on a loopback port.
#include <fcntl.h>
#include <gmock/gmock.h>
#include <signal.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/temp_dir.hpp"
#include "pipelines/lifecycle/port_hold.hpp"
#include "pipelines/lifecycle/ssh_keys.hpp"
#include "pipelines/provision/ansible.hpp"
#include "pipelines/provision/check_runner.hpp"
#include "pipelines/provision/step_runner.hpp"
#include "seeds/host_keys.hpp"
#include "tests/support/require.hpp"

using testing::AllOf;
using testing::HasSubstr;
using testing::Not;

namespace imgforge::provision {
namespace {

namespace fs = std::filesystem;

/// sshd with keys of its own; ends with the object.
class LocalSshd {
public:
    LocalSshd() {
        make_directories("/run/sshd");  // its privilege separation directory
        const lifecycle::SshKeyPair key = lifecycle::make_ssh_key("test");
        const seeds::HostKey host = seeds::make_host_keys({"ed25519"}, "m").front();
        write_file_atomically(folder / "id", key.private_key, 0600);
        write_file_atomically(folder / "host", host.private_key, 0600);
        write_file_atomically(folder / "authorized", key.public_key + "\n", 0600);
        write_file_atomically(folder / "known_hosts", lifecycle::known_hosts_line("m", host.public_key));
        // Tests run in processes of their own at the same time: each begins at another port, and holds its
        // own until sshd listens.
        for (auto next = static_cast<std::uint16_t>(22000 + ::getpid() % 9000); !hold; ++next) {
            hold = lifecycle::PortHold::try_hold(next);
        }
        write_file_atomically(
            folder / "config",
            fmt::format(
                "ListenAddress 127.0.0.1\nPort {}\nHostKey {}\nAuthorizedKeysFile {}\nStrictModes no\n"
                "UsePAM no\nPidFile none\nPermitRootLogin yes\nLogLevel ERROR\n",
                hold->port(), (folder / "host").string(), (folder / "authorized").string()));
        port = hold->port();
        start();
        hold.reset();
    }
    ~LocalSshd() {
        ::kill(pid, SIGTERM);
        ::waitpid(pid, nullptr, 0);
    }
    LocalSshd(const LocalSshd&) = delete;
    LocalSshd& operator=(const LocalSshd&) = delete;

    lifecycle::SshTarget target() const {
        return {.machine = "m",
                .host = "127.0.0.1",
                .port = port,
                .user = "root",
                .identity = folder / "id",
                .known_hosts = folder / "known_hosts"};
    }

    TempDir folder;

private:
    void start() {
        pid = ::fork();
        if (pid == 0) {
            const int null = ::open("/dev/null", O_RDWR);
            ::dup2(null, 0);
            ::execl("/usr/sbin/sshd", "/usr/sbin/sshd", "-D", "-e", "-f", (folder / "config").c_str(),
                    nullptr);
            ::_exit(127);
        }
        SystemClock clock;
        std::string seen;
        wait_until(
            clock, "sshd of the test", std::chrono::seconds(20),
            [&] { return !lifecycle::read_banner("127.0.0.1", port, std::chrono::seconds(1), seen).empty(); },
            [&] { return seen; });
    }

    std::optional<lifecycle::PortHold> hold;
    std::uint16_t port = 0;
    pid_t pid = -1;
};

class GuestConversation : public testing::Test {
protected:
    void SetUp() override {
        if (::geteuid() != 0 || !fs::exists("/usr/sbin/sshd")) {
            IMGFORGE_SKIP("tools", "needs root and openssh-server");
        }
        sshd.emplace();
        shell.emplace(processes, sshd->target());
        make_directories(sshd->folder / "work");
    }

    StepContext context() {
        return {.processes = &processes,
                .clock = &clock,
                .monitor = &monitor,
                .secret = [](const std::string&) { return std::string("pa$$'w\"ord"); },
                .folder = sshd->folder / "work",
                .shell = [this]() -> const GuestShell& { return *shell; }};
    }

    void run(const std::string& options) {
        run_steps(parse_steps(Json::parse(options), sshd->folder.path()), context());
    }

    std::string failure(const std::string& options) {
        try {
            run(options);
        } catch (const Error& error) {
            return error.describe();
        }
        return "nothing failed";
    }

    std::string in_folder(const std::string& name) const { return (sshd->folder / name).string(); }

    SystemProcessRunner processes;
    SystemClock clock;
    RecordingMonitor monitor;
    std::optional<LocalSshd> sshd;
    std::optional<GuestShell> shell;
};

TEST_F(GuestConversation, steps_run_in_order_with_environment_files_and_secrets) {
    write_file_atomically(sshd->folder / "hello.sh",
                          "#!/bin/sh\necho \"$1 $NAME\" >>\"$OUT\"\ndirname \"$0\" >\"$OUT.step\"\n", 0755);
    make_directories(sshd->folder / "tree/sub");
    write_file_atomically(sshd->folder / "tree/sub/file", "content", 0640);
    fs::create_symlink("sub/file", sshd->folder / "tree/link");
    run(fmt::format(R"J({{"env": {{"OUT": "{0}/out", "NAME": "ann"}}, "steps": [
        {{"upload": {{"tree": "{0}/put"}}}},
        {{"script": {{"file": "hello.sh", "args": ["hi there"]}}}},
        {{"run": ["printf '%s\\n' \"${{secrets.token}}\" >>$OUT"]}},
        {{"wait-for": {{"file": "{0}/out"}}}}]}})J",
                    sshd->folder.path().string()));
    EXPECT_EQ(read_file(sshd->folder / "out"), "hi there ann\npa$$'w\"ord\n");
    EXPECT_EQ(read_file(sshd->folder / "put/link"), "content");
    EXPECT_EQ(fs::status(sshd->folder / "put/sub/file").permissions(),
              fs::perms::owner_read | fs::perms::owner_write | fs::perms::group_read);
    // Only this step's own directory: other tests' steps run on this host at the same time.
    const std::string step = read_file(sshd->folder / "out.step");
    EXPECT_THAT(step, ::testing::StartsWith("/run/imgforge-step."));
    EXPECT_FALSE(fs::exists(step.substr(0, step.find('\n'))));
}

TEST_F(GuestConversation, one_clear_error_each) {
    write_file_atomically(sshd->folder / "seven.sh", "echo started\necho 'no such thing' >&2\nexit 7\n");
    EXPECT_THAT(failure(R"({"script": "seven.sh"})"),
                AllOf(HasSubstr("step 1 of 1 (script seven.sh) exited with 7"), HasSubstr("no such thing")));
    EXPECT_THAT(failure(R"({"steps": [{"run": ["true", "head -c 9 /dev/zero >/dev/full", "true"]}]})"),
                AllOf(HasSubstr("command 2 of 3"), HasSubstr("disk is full")));
    EXPECT_THAT(failure(R"({"steps": [{"run": "sleep 60", "timeout": "1s"}]})"),
                HasSubstr("did not end within 1.0s"));
    EXPECT_THAT(failure(R"({"steps": [{"wait-for": {"port": 1, "timeout": "1s"}}]})"),
                HasSubstr("wait for port 1: not after 1.0s"));
}

TEST_F(GuestConversation, ansible_runs_the_playbook_with_secrets_in_no_file) {
    if (!find_program("ansible-playbook")) {
        IMGFORGE_SKIP("tools", "ansible-playbook is not installed (ansible-core)");
    }
    write_file_atomically(sshd->folder / "site.yml", R"(
- hosts: all
  gather_facts: false
  tasks:
    - name: write it
      ansible.builtin.copy: {dest: "{{ target }}", content: "{{ pass }}", mode: "0600"}
)");
    run(fmt::format(
        R"J({{"ansible": {{"playbook": "site.yml", "extra-vars": {{"target": "{}/made",
            "pass": "<${{secrets.token}}>"}}}}}})J",
        sshd->folder.path().string()));
    EXPECT_EQ(read_file(sshd->folder / "made"), "<pa$$'w\"ord>");
    fs::remove(sshd->folder / "made");
    const ProcessResult found = processes.run({.program = "grep",
                                               .args = {"-rF", "pa$$'w", in_folder("work")},
                                               .timeout = std::chrono::seconds(20)});
    EXPECT_EQ(found.code, 1) << found.out;
    write_file_atomically(
        sshd->folder / "bad.yml",
        "- hosts: all\n  gather_facts: false\n  tasks: [{name: no, ansible.builtin.fail: {msg: broken}}]\n");
    EXPECT_THAT(failure(R"({"ansible": "bad.yml"})"), AllOf(HasSubstr("exited with 2"), HasSubstr("broken")));
}

TEST_F(GuestConversation, checks_pass_and_fail_with_what_was_seen) {
    write_file_atomically(sshd->folder / "conf", "port 80\n", 0640);
    const Json options = Json::parse(fmt::format(
        R"J({{"files": [{{"{0}/conf": {{"mode": "0640", "owner": "root", "contains": "port 80"}}}},
            "{0}/missing",
             {{"{0}/none": {{"absent": true}}}}],
            "packages": ["dpkg", "no-such-package"], "run": ["true", "echo why; exit 3",
                {{"command": "echo ab", "expect": "b"}}],
            "ports": [22]}})J",
        sshd->folder.path().string()));
    const auto checks = parse_checks(options, sshd->folder.path(), {});
    const CheckContext look{.processes = &processes,
                            .clock = &clock,
                            .monitor = &monitor,
                            .shell = &*shell,
                            .folder = sshd->folder / "work",
                            .ports = {{22, {.host = "127.0.0.1", .port = sshd->target().port}}}};
    std::map<std::string, CheckResult> results;
    for (const CheckResult& result : run_checks(checks, look)) {
        results[result.name] = result;
        EXPECT_GT(result.seconds, 0) << result.name;
    }
    std::size_t good = 0;
    for (const auto& [name, result] : results) {
        good += result.ok ? 1U : 0U;
    }
    EXPECT_EQ(good, 9U);
    EXPECT_EQ(results.size(), 12U);
    EXPECT_THAT(results.at("run echo why; exit 3").output, AllOf(HasSubstr("why"), HasSubstr("exit code 3")));
    EXPECT_FALSE(results.at("package no-such-package is installed").ok);
    EXPECT_FALSE(results.at(in_folder("missing") + " exists").ok);
    EXPECT_TRUE(results.at("port 22 is reachable").ok);
}

}  // namespace
}  // namespace imgforge::provision
