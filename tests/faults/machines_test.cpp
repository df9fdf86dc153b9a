// SPDX-License-Identifier: GPL-3.0-or-later
// A guest that never answers, and a libvirt daemon that is silent, dies or hangs: every wait ends in time,
// says what it last saw, and leaves nothing behind.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <sys/socket.h>
#include <sys/un.h>

#include <csignal>

#include "builder/base/fd.hpp"
#include "tests/faults/sound.hpp"
#include "tests/support/require.hpp"
#include "tests/tools/lifecycle/machine_home.hpp"

namespace fs = std::filesystem;

namespace imgforge::test {
namespace {

using lifecycle::SpawnOptions;
using lifecycle::Wait;
using std::chrono::seconds;
using std::chrono::steady_clock;
using testing::HasSubstr;
using testing::IsEmpty;

SpawnOptions small_machine(Wait wait, seconds timeout) {
    return {.image = "tiny",
            .name = "web-1",
            .memory = ByteSize::mib(64),
            .networks = {lifecycle::parse_network("user")},
            .overcommit = true,
            .wait = wait,
            .timeout = timeout};
}

class MachineFaults : public testing::Test {
protected:
    void SetUp() override {
        for (const char* const program : {"qemu-system-x86_64", "qemu-img"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        ::setenv("IMGFORGE_IMMUTABLE", "off", 1);
        home_.emplace();
    }

    /// What spawn() throws, as text; and that it takes no longer than `most`.
    std::string refusal(const SpawnOptions& options, const std::string& connection, seconds most) {
        const auto begin = steady_clock::now();
        std::string text;
        try {
            auto lifecycle = home_->open(connection);
            lifecycle::spawn(lifecycle, options);
        } catch (const Error& error) {
            text = error.describe();
        }
        EXPECT_NE(text, "") << "it did not fail";
        EXPECT_LT(steady_clock::now() - begin, most);
        return text;
    }

    void expect_nothing_left() {
        EXPECT_THAT(home_->folders(), IsEmpty());
        EXPECT_THAT(home_->processes_left(), IsEmpty());
        auto lifecycle = home_->open();
        EXPECT_THAT(lifecycle.reservations().all(), IsEmpty());
        EXPECT_THAT(lifecycle.store().holders("tiny", 1), IsEmpty());
    }

    std::optional<MachineHome> home_;
};

TEST_F(MachineFaults, guest_that_never_answers_is_given_up_in_time_with_what_was_last_seen) {
    // Random bytes as disk: the machine never gets beyond its firmware.
    SpawnOptions options = small_machine(Wait::ssh, seconds(5));
    options.rollback = true;
    const std::string text = refusal(options, "embedded", seconds(90));
    EXPECT_THAT(text, HasSubstr("last seen"));
    EXPECT_THAT(text, HasSubstr("5.0s"));
    expect_nothing_left();
}

/// A libvirt daemon of the test's own, with files, network and processes of its own; gone with everything on
/// it when this object goes.
class Daemon {
public:
    explicit Daemon(fs::path folder) : folder_(std::move(folder)) {
        fs::create_directories(folder_);
        pid_ = ::fork();
        if (pid_ == 0) {
            ::execlp("unshare", "unshare", "--mount", "--net", "--pid", "--fork", "--kill-child",
                     "--mount-proc", SECOND_LIBVIRTD, folder_.c_str(), nullptr);
            ::_exit(127);
        }
    }
    ~Daemon() {
        signal(SIGCONT);
        ::kill(pid_, SIGKILL);
        ::waitpid(pid_, nullptr, 0);
    }
    Daemon(const Daemon&) = delete;
    Daemon& operator=(const Daemon&) = delete;

    std::string uri() const {
        return fmt::format("qemu+unix:///system?socket={}/sock/libvirt-sock", folder_.string());
    }
    ProcessResult virsh(std::vector<std::string> words) const {
        words.insert(words.begin(), {"-q", "-c", uri()});
        SystemProcessRunner runner;
        return runner.run({.program = "virsh", .args = words, .timeout = seconds(20)});
    }
    /// To libvirtd itself, not to the machines.
    void signal(int number) const {
        SystemProcessRunner runner;
        const ProcessResult found = runner.run(
            {.program = "pgrep", .args = {"-f", fmt::format("^libvirtd -f {}/", folder_.string())}});
        if (found.ok()) {
            ::kill(static_cast<pid_t>(std::atol(found.out.c_str())), number);
        }
    }

private:
    fs::path folder_;
    pid_t pid_ = -1;
};

class DaemonFaults : public MachineFaults, public testing::WithParamInterface<int> {
protected:
    void SetUp() override {
        MachineFaults::SetUp();
        SystemProcessRunner runner;
        for (const char* const program : {"libvirtd", "virsh", "unshare", "ip", "pgrep"}) {
            if (!find_program(program)) {
                IMGFORGE_SKIP("tools", fmt::format("{} is not installed", program));
            }
        }
        if (!runner
                 .run({.program = "unshare",
                       .args = {"--mount", "--net", "--pid", "--fork", "--mount-proc", "true"}})
                 .ok()) {
            GTEST_SKIP() << "no right to make namespaces here";
        }
    }
};

TEST_P(DaemonFaults, end_the_wait_for_a_machine_in_time) {
    const Daemon daemon(home_->folder / "daemon");
    wait_until(
        home_->clock, "the daemon", seconds(60), [&] { return daemon.virsh({"uri"}).ok(); },
        [&] { return daemon.virsh({"uri"}).err; });
    const pid_t spawning = MachineHome::in_process([&] {
        auto lifecycle = home_->open(daemon.uri());
        lifecycle::spawn(lifecycle, small_machine(Wait::ssh, seconds(40)));
    });
    wait_until(
        home_->clock, "the machine", seconds(60),
        [&] {
            return daemon.virsh({"list", "--name"}).out.find("web-1") != std::string::npos;
        },
        [&] {
            return daemon.virsh({"list", "--all"}).out;
        });
    daemon.signal(GetParam());
    int status = 0;
    pid_t ended = 0;
    // The wait's own deadline, the keep-alive of the connection (30 s) and the answer to a last try.
    for (const auto deadline = steady_clock::now() + seconds(150);
         ended == 0 && steady_clock::now() < deadline;) {
        ended = ::waitpid(spawning, &status, WNOHANG);
        ::usleep(100000);
    }
    if (ended == 0) {
        ::kill(spawning, SIGKILL);
        ::waitpid(spawning, &status, 0);
        FAIL() << "spawn hangs when its daemon gets signal " << GetParam();
    }
    EXPECT_TRUE(WIFEXITED(status) && WEXITSTATUS(status) != 0) << status;
    // What it could not undo without the daemon is still on record, so that the base stays and a later
    // clean-up finds it.
    expect_sound(home_->places);
}

INSTANTIATE_TEST_SUITE_P(Daemon, DaemonFaults, testing::Values(SIGKILL, SIGSTOP),
                         [](const auto& signal) { return signal.param == SIGKILL ? "killed" : "hanging"; });

/// A socket that takes connections and never answers: libvirt itself waits for ever.
TEST_F(MachineFaults, daemon_that_accepts_and_never_answers_is_given_up) {
    const fs::path path = home_->folder / "mute.sock";
    const Fd socket(::socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    sockaddr_un address{.sun_family = AF_UNIX, .sun_path = {}};
    const std::string name = path.string();
    ASSERT_LT(name.size(), sizeof address.sun_path);
    name.copy(static_cast<char*>(address.sun_path), name.size());
    ASSERT_EQ(::bind(socket.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address), 0);
    ASSERT_EQ(::listen(socket.get(), 16), 0);

    const std::string text = refusal(small_machine(Wait::none, seconds(30)),
                                     fmt::format("qemu+unix:///system?socket={}", name), seconds(100));

    EXPECT_THAT(text, HasSubstr("no answer within 30s"));
    expect_nothing_left();
}

}  // namespace
}  // namespace imgforge::test
