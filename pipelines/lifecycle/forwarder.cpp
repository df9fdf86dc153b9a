// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/forwarder.hpp"

#include <fcntl.h>
#include <spawn.h>
#include <sys/wait.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <chrono>
#include <cstdlib>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/lock.hpp"
#include "pipelines/lifecycle/address.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/relay.hpp"

namespace imgforge::lifecycle {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::filesystem::path lock_file(const Lifecycle& lifecycle) {
    return lifecycle.places().instances() / ".forward.lock";
}

bool served_here(const MachineRecord& record) {
    return record.state == RecordState::ready && !record.published.empty() &&
           publishing_of(record) == Publishing::forwarder;
}

/// The address a machine has now, asked for at most every 3 s.
class GuestAddress {
public:
    GuestAddress(Lifecycle& lifecycle, MachineRecord record)
        : lifecycle_(lifecycle), record_(std::move(record)) {}

    std::string find() {
        const std::lock_guard guard(mutex_);
        constexpr std::chrono::seconds fresh{3};
        if (!address_.empty() && SteadyClock::now() - asked_ < fresh) {
            return address_;
        }
        try {
            address_ = find_addresses(lifecycle_.open(record_), record_).best();
        } catch (const Error& error) {
            lifecycle_.monitor().message(error.message());
            address_.clear();
        }
        asked_ = SteadyClock::now();
        return address_;
    }

private:
    Lifecycle& lifecycle_;
    MachineRecord record_;
    std::mutex mutex_;
    std::string address_;
    SteadyClock::time_point asked_{};
};

/// What is listened on now, by the text of machine and port.
using Relays = std::map<std::string, std::unique_ptr<PortRelay>>;

void follow_records(Lifecycle& lifecycle, Relays& relays, std::map<std::string, std::string>& complaints) {
    std::map<std::string, std::pair<MachineRecord, PublishedPort>> wanted;
    for (const auto& record : lifecycle.reservations().all()) {
        if (!served_here(record)) {
            continue;
        }
        for (const auto& port : record.published) {
            wanted.emplace(record.uuid + " " + port.text(), std::pair(record, port));
        }
    }
    std::erase_if(relays, [&](const auto& item) { return wanted.count(item.first) == 0; });
    for (const auto& [key, want] : wanted) {
        if (relays.count(key) != 0) {
            continue;
        }
        try {
            auto guest = std::make_shared<GuestAddress>(lifecycle, want.first);
            relays.emplace(key, std::make_unique<PortRelay>(want.second, [guest] { return guest->find(); }));
            complaints.erase(key);
        } catch (const Error& error) {
            if (complaints[key] != error.message()) {
                complaints[key] = error.message();
                lifecycle.monitor().warning(
                    fmt::format("machine '{}': {}", want.first.name, error.message()));
            }
        }
    }
}

/// A process of its own session, with nothing of ours open.
void leave_behind(const Lifecycle& lifecycle) {
    posix_spawn_file_actions_t actions{};
    posix_spawnattr_t attributes{};
    posix_spawn_file_actions_init(&actions);
    posix_spawnattr_init(&attributes);
    const std::string log = (lifecycle.places().instances() / ".forward.log").string();
    posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
    posix_spawn_file_actions_addopen(&actions, 1, log.c_str(), O_WRONLY | O_CREAT | O_TRUNC, 0600);
    posix_spawn_file_actions_adddup2(&actions, 1, 2);
    posix_spawnattr_setflags(&attributes, POSIX_SPAWN_SETSID);
    // This command ends soon, and init takes it over.
    std::string program = "/proc/self/exe";
    std::string command = "forward";
    std::string serve = "--serve";
    const std::string home = lifecycle.places().home.string();
    setenv("IMGFORGE_HOME", home.c_str(), 1);
    std::array<char*, 4> argv{program.data(), command.data(), serve.data(), nullptr};
    pid_t child = 0;
    const int code = posix_spawn(&child, program.c_str(), &actions, &attributes, argv.data(), environ);
    posix_spawn_file_actions_destroy(&actions);
    posix_spawnattr_destroy(&attributes);
    if (code != 0) {
        throw system_error("start", "the port forwarder", code);
    }
}

}  // namespace

void ensure_forwarder(Lifecycle& lifecycle) {
    const auto records = lifecycle.reservations().all();
    if (std::none_of(records.begin(), records.end(), served_here)) {
        return;
    }
    try {
        if (FileLock::try_acquire(lock_file(lifecycle), "look for a port forwarder")) {
            leave_behind(lifecycle);
        }
    } catch (const Error& error) {
        lifecycle.monitor().warning(
            fmt::format("published ports are not reachable yet: {}", error.message()));
    }
}

void run_forwarder(Lifecycle& lifecycle, bool keep) {
    std::optional<FileLock> lock;
    // Whoever only looked whether one runs holds the lock for a moment.
    for (int attempt = 0; attempt < 20 && !lock; ++attempt) {
        lock = FileLock::try_acquire(lock_file(lifecycle), "forward published ports");
        if (!lock) {
            lifecycle.clock().sleep(std::chrono::milliseconds(50));
        }
    }
    if (!lock) {
        return;
    }
    Relays relays;
    std::map<std::string, std::string> complaints;
    while (true) {
        follow_records(lifecycle, relays, complaints);
        if (!keep && relays.empty() && complaints.empty()) {
            return;
        }
        lifecycle.clock().sleep(std::chrono::seconds(1));
    }
}

}  // namespace imgforge::lifecycle
