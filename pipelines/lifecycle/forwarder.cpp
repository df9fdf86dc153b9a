// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/forwarder.hpp"

#include <algorithm>
#include <chrono>
#include <map>
#include <mutex>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "builder/base/lock.hpp"
#include "pipelines/lifecycle/address.hpp"
#include "pipelines/lifecycle/background.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/relay.hpp"

namespace imgforge::lifecycle {
namespace {

using SteadyClock = std::chrono::steady_clock;

std::filesystem::path lock_file(const InstanceLayout& layout) {
    return layout.places().instances() / ".forward.lock";
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

}  // namespace

void ensure_forwarder(Lifecycle& lifecycle) {
    const auto records = lifecycle.reservations().all();
    if (std::none_of(records.begin(), records.end(), served_here)) {
        return;
    }
    try {
        if (FileLock::try_acquire(lock_file(lifecycle), "look for a port forwarder")) {
            start_in_background(lifecycle, {"forward", "--serve"},
                                lifecycle.places().instances() / ".forward.log");
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
