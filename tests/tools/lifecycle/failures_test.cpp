// SPDX-License-Identifier: GPL-3.0-or-later
// What becomes of a machine when something fails on its way up: before it is defined nothing is left,
// afterwards it stays and says why, unless --rollback. On the embedded driver; the failures of cloud-init are
// in tests/unit/lifecycle/cloud_init_test.cpp.
#include <gmock/gmock.h>
#include <gtest/gtest.h>
#include <netinet/in.h>
#include <sys/resource.h>
#include <sys/socket.h>

#include <csignal>

#include "builder/base/fd.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/observe.hpp"
#include "tests/tools/lifecycle/machine_home.hpp"

namespace imgforge::lifecycle {
namespace {

using testing::AllOf;
using testing::ElementsAre;
using testing::HasSubstr;
using testing::IsEmpty;

/// libvirt takes that in a definition, and refuses to start it.
constexpr const char* no_such_disk = "./devices/disk[@device='disk'][1]/source/@file=/nonexistent/disk";

/// Another program that listens on a port of 127.0.0.1; 0: any.
class Stranger {
public:
    explicit Stranger(std::uint16_t port = 0) : fd_(::socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0)) {
        sockaddr_in address{};
        address.sin_family = AF_INET;
        address.sin_port = htons(port);
        address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
        const int on = 1;
        ::setsockopt(fd_.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
        socklen_t length = sizeof address;
        EXPECT_EQ(::bind(fd_.get(), reinterpret_cast<const sockaddr*>(&address), length), 0);
        EXPECT_EQ(::listen(fd_.get(), 1), 0);
        ::getsockname(fd_.get(), reinterpret_cast<sockaddr*>(&address), &length);
        port_ = ntohs(address.sin_port);
    }
    std::uint16_t port() const { return port_; }

private:
    Fd fd_;
    std::uint16_t port_ = 0;
};

class FailureTools : public test::MachineTest {
protected:
    static SpawnOptions small(const std::string& name) {
        return {.image = "tiny", .name = name, .memory = ByteSize::mib(64), .wait = Wait::none};
    }

    template <class Body>
    static std::string failure_of(Body&& body) {
        try {
            body();
        } catch (const Error& error) {
            return error.describe();
        }
        return "no error";
    }

    std::string spawn_failure(const SpawnOptions& options) {
        auto lifecycle = home_->open();
        return failure_of([&] { spawn(lifecycle, options); });
    }

    void expect_nothing_left() {
        auto lifecycle = home_->open();
        EXPECT_THAT(home_->folders(), IsEmpty());
        EXPECT_THAT(lifecycle.reservations().all(), IsEmpty());
        EXPECT_THAT(lifecycle.store().holders("tiny", 1), IsEmpty());
    }
};

TEST_F(FailureTools, a_machine_that_does_not_start_stays_defined_and_says_why) {
    SpawnOptions options = small("web-1");
    options.xml = {no_such_disk};

    EXPECT_THAT(spawn_failure(options), AllOf(HasSubstr("/nonexistent/disk"), HasSubstr("the machine stays"),
                                              HasSubstr("imgforge destroy web-1")));

    auto lifecycle = home_->open();
    const MachineRecord record = lifecycle.require("web-1");
    EXPECT_EQ(record.state, RecordState::ready);
    EXPECT_THAT(record.not_ready, HasSubstr("/nonexistent/disk"));
    EXPECT_EQ(look(lifecycle, record).state, "shut off");
    destroy_machine(lifecycle, "web-1", {.changed = true}, true);
    expect_nothing_left();
}

TEST_F(FailureTools, with_rollback_nothing_of_it_stays) {
    SpawnOptions options = small("web-1");
    options.xml = {no_such_disk};
    options.rollback = true;

    EXPECT_THAT(spawn_failure(options), HasSubstr("/nonexistent/disk"));

    expect_nothing_left();
}

TEST_F(FailureTools, a_machine_that_gives_no_signal_in_time_stays_and_its_wait_goes_on) {
    SpawnOptions options = small("web-1");
    options.wait = Wait::ssh;
    options.timeout = std::chrono::seconds(2);

    EXPECT_THAT(spawn_failure(options), AllOf(HasSubstr("last seen"), HasSubstr("start web-1 --wait ssh")));

    auto lifecycle = home_->open();
    EXPECT_EQ(look(lifecycle, lifecycle.require("web-1")).state, "running");
    EXPECT_THAT(look(lifecycle, lifecycle.require("web-1")).reason, HasSubstr("not ready"));
    EXPECT_THAT(failure_of([&] { start_machine(lifecycle, "web-1", Wait::ssh, std::chrono::seconds(1)); }),
                HasSubstr("last seen"));
    EXPECT_EQ(look(lifecycle, lifecycle.require("web-1")).state, "running");
    destroy_machine(lifecycle, "web-1", {}, true);
}

TEST_F(FailureTools, killed_while_it_waits_a_spawn_leaves_a_machine) {
    const pid_t victim = test::MachineHome::in_process([&] {
        auto lifecycle = home_->open();
        SpawnOptions options = small("web-1");
        options.wait = Wait::ssh;
        spawn(lifecycle, options);
    });
    auto lifecycle = home_->open();
    wait_until(
        home_->clock, "the spawn to wait", std::chrono::seconds(60),
        [&] {
            const auto record = lifecycle.reservations().find("web-1");
            return record && record->state == RecordState::ready;
        },
        [] { return std::string("it is not recorded yet"); });
    ::kill(victim, SIGKILL);
    EXPECT_EQ(test::MachineHome::exit_code(victim), -1);

    EXPECT_THAT(clean_up(lifecycle).removed, IsEmpty());
    EXPECT_EQ(look(lifecycle, lifecycle.require("web-1")).state, "running");
    EXPECT_THAT(lifecycle.require("web-1").not_ready, HasSubstr("signal 'ssh'"));
    destroy_machine(lifecycle, "web-1", {}, true);
}

TEST_F(FailureTools, a_port_that_is_taken_after_the_definition_keeps_the_machine_off_and_whole) {
    auto lifecycle = home_->open();
    const std::uint16_t port = Stranger().port();
    SpawnOptions options = small("web-1");
    options.published = {{.host_port = port, .guest_port = 80}};
    options.start = false;
    spawn(lifecycle, options);
    {
        const Stranger stranger(port);
        EXPECT_THAT(failure_of([&] { start_machine(lifecycle, "web-1"); }),
                    HasSubstr("another program listens there"));
        EXPECT_EQ(look(lifecycle, lifecycle.require("web-1")).state, "shut off");
    }
    EXPECT_EQ(start_machine(lifecycle, "web-1").state, "running");
    destroy_machine(lifecycle, "web-1", {}, true);
}

TEST_F(FailureTools, a_port_that_cannot_be_published_is_refused_before_anything_is_made) {
    const Stranger stranger;
    SpawnOptions options = small("web-1");
    options.published = {{.host_port = stranger.port(), .guest_port = 80}};

    EXPECT_THAT(spawn_failure(options), HasSubstr("cannot be published"));

    expect_nothing_left();
}

TEST_F(FailureTools, a_seed_that_cannot_be_written_is_no_machine) {
    const pid_t child = test::MachineHome::in_process([&] {
        auto lifecycle = home_->open();
        SpawnOptions options = small("web-1");
        options.user_data_text = "#cloud-config\n# " + std::string(3U << 20U, 'x') + "\n";
        // A disk that is full looks the same, and is not to be had without privileges.
        ::signal(SIGXFSZ, SIG_IGN);
        const struct rlimit least = {.rlim_cur = 2U << 20U, .rlim_max = 2U << 20U};
        ::setrlimit(RLIMIT_FSIZE, &least);
        spawn(lifecycle, options);
    });
    EXPECT_NE(test::MachineHome::exit_code(child), 0);

    expect_nothing_left();
}

TEST_F(FailureTools, of_several_that_do_not_start_each_defined_one_stays) {
    {
        auto lifecycle = home_->open();
        spawn(lifecycle, small("web-1"));
        SpawnOptions options = small("shop-{n}");
        options.count = 3;
        options.xml = {no_such_disk};
        EXPECT_THAT(failure_of([&] { spawn(lifecycle, options); }), HasSubstr("the machine stays"));
    }
    auto lifecycle = home_->open();
    std::vector<std::string> kept;
    for (const auto& record : lifecycle.reservations().all()) {
        EXPECT_EQ(record.state, RecordState::ready) << record.name;
        kept.push_back(record.name);
    }
    EXPECT_THAT(kept, testing::Contains("shop-1"));
    EXPECT_EQ(look(lifecycle, lifecycle.require("web-1")).state, "running");
    for (const auto& name : kept) {
        destroy_machine(lifecycle, name, {.changed = true}, true);
    }
    expect_nothing_left();
}

}  // namespace
}  // namespace imgforge::lifecycle
