// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/placement.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/settings.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/virt/storage_pool.hpp"
#include "pipelines/lifecycle/parallel.hpp"

namespace imgforge::lifecycle {
namespace {

Placement on_host(ConnectionPool& connections, const std::string& name, const HostSetting& host) {
    return {host.connection, name, virt::choose_pool(connections.open_uri(host.connection), host.pool)};
}

/// What a host said, or why it said nothing.
struct Answer {
    std::string host;
    ByteSize memory{};
    std::string error{};
};

/// All at once: one that is away costs a second, not a second each.
std::vector<Answer> ask_hosts(const Settings& settings) {
    constexpr std::chrono::seconds deadline{1};
    std::vector<Answer> answers;
    std::vector<std::string> uris;
    for (const auto& [name, host] : settings.hosts) {
        answers.push_back({.host = name});
        uris.push_back(host.connection);
    }
    in_parallel(answers.size(), 64, [&](std::size_t i) {
        try {
            answers[i].memory = virt::Connection::open(uris[i], {}, deadline).host(deadline).memory_free;
        } catch (const Error& error) {
            answers[i].error = error.message();
        }
    });
    return answers;
}

/// Machines that are being made: their guests have not taken their memory yet.
ByteSize promised(const std::vector<MachineRecord>& records, const std::string& host) {
    std::uint64_t sum = 0;
    for (const auto& record : records) {
        if (record.host == host && record.state == RecordState::spawning) {
            sum += record.memory.in_bytes();
        }
    }
    return ByteSize::bytes(sum);
}

std::string newest_host(const std::vector<MachineRecord>& records) {
    const MachineRecord* newest = nullptr;
    for (const auto& record : records) {
        if (!record.host.empty() && (newest == nullptr || record.created >= newest->created)) {
            newest = &record;
        }
    }
    return newest == nullptr ? std::string() : newest->host;
}

Placement in_turn(Lifecycle& lifecycle, ByteSize memory, std::size_t count) {
    auto turn = std::make_shared<FileLock>(FileLock::acquire(lifecycle.places().cache() / ".placement.lock",
                                                             "choose a host", std::chrono::minutes(5)));
    const auto records = lifecycle.reservations().all();
    const ByteSize wanted = ByteSize::bytes(memory.in_bytes() * count);
    std::vector<HostRoom> rooms;
    std::vector<std::string> seen;
    for (const Answer& answer : ask_hosts(lifecycle.settings())) {
        if (!answer.error.empty()) {
            seen.push_back(fmt::format("{}: {}", answer.host, answer.error));
            continue;
        }
        const ByteSize taken = std::min(answer.memory, promised(records, answer.host));
        const ByteSize room = ByteSize::bytes(answer.memory.in_bytes() - taken.in_bytes());
        seen.push_back(fmt::format("{}: {} available", answer.host, room.text()));
        rooms.push_back({answer.host, room});
    }
    const std::string chosen = next_in_turn(rooms, wanted, newest_host(records));
    if (chosen.empty()) {
        throw Error(Failure::host,
                    fmt::format("no host has {} of memory left ({})", wanted.text(), fmt::join(seen, "; ")),
                    seen.empty() ? "define hosts under `hosts:` in the settings"
                                 : "free memory there, ask for less, or use --overcommit");
    }
    Placement placement = on_host(lifecycle, chosen, lifecycle.settings().hosts.at(chosen));
    placement.turn = std::move(turn);
    return placement;
}

}  // namespace

Placement place(Lifecycle& lifecycle, const std::string& host, ByteSize memory, std::size_t count) {
    if (host == "any") {
        return in_turn(lifecycle, memory, count);
    }
    if (host.empty()) {
        const auto& choice = lifecycle.choice();
        Placement placement{choice.embedded() ? "qemu:///embed" : choice.uri};
        if (!uri_host(placement.connection).empty()) {
            placement.pool = virt::choose_pool(lifecycle.open_uri(placement.connection), "");
        }
        return placement;
    }
    std::vector<std::string> names;
    for (const auto& [name, entry] : lifecycle.settings().hosts) {
        if (name == host) {
            return on_host(lifecycle, name, entry);
        }
        names.push_back(name);
    }
    throw Error(Failure::usage, fmt::format("unknown host '{}'{}", host, did_you_mean(host, names)),
                "define hosts under `hosts:` in the settings");
}

std::string next_in_turn(const std::vector<HostRoom>& rooms, ByteSize wanted, const std::string& last) {
    const auto found =
        std::find_if(rooms.begin(), rooms.end(), [&](const HostRoom& room) { return room.host == last; });
    const auto first = found == rooms.end() ? 0 : static_cast<std::size_t>(found - rooms.begin()) + 1;
    for (std::size_t i = 0; i < rooms.size(); ++i) {
        const HostRoom& room = rooms[(first + i) % rooms.size()];
        if (room.memory >= wanted) {
            return room.host;
        }
    }
    return {};
}

}  // namespace imgforge::lifecycle
