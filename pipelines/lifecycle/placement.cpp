// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/placement.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/lifecycle/remote.hpp"

namespace imgforge::lifecycle {
namespace {

Placement on_host(Lifecycle& lifecycle, const HostEntry& host) {
    return {host.connection, host.name, choose_pool(lifecycle.open_uri(host.connection), host.pool)};
}

Placement with_most_memory(Lifecycle& lifecycle, const std::vector<HostEntry>& hosts, ByteSize memory) {
    const HostEntry* best = nullptr;
    ByteSize most;
    std::vector<std::string> seen;
    for (const auto& host : hosts) {
        try {
            const ByteSize free = lifecycle.open_uri(host.connection).host().memory_free;
            seen.push_back(fmt::format("{}: {} free", host.name, free.text()));
            if (free >= memory && (best == nullptr || free > most)) {
                best = &host;
                most = free;
            }
        } catch (const Error& error) {
            seen.push_back(fmt::format("{}: {}", host.name, error.message()));
        }
    }
    if (best == nullptr) {
        throw Error(Failure::host,
                    fmt::format("no host has {} of memory left ({})", memory.text(), fmt::join(seen, "; ")),
                    "hosts stand under `hosts:` in the settings");
    }
    return on_host(lifecycle, *best);
}

}  // namespace

std::vector<HostEntry> configured_hosts(const Json& settings) {
    std::vector<HostEntry> hosts;
    const auto setting = settings.find("hosts");
    if (setting == settings.end() || setting->is_null()) {
        return hosts;
    }
    const auto refuse = [](const std::string& where) {
        throw Error(Failure::recipe, fmt::format("settings, {}: not a host", where),
                    "hosts: {lab1: {connection: qemu+ssh://lab1/system, pool: imgforge}}");
    };
    if (!setting->is_object()) {
        refuse("hosts");
    }
    for (const auto& [name, entry] : setting->items()) {
        const Json connection = entry.is_object() ? entry.value("connection", Json()) : entry;
        if (!connection.is_string()) {
            refuse("hosts." + name);
        }
        hosts.push_back(
            {name, connection.get<std::string>(), entry.is_object() ? entry.value("pool", "") : ""});
    }
    return hosts;
}

Placement place(Lifecycle& lifecycle, const std::string& host, ByteSize memory) {
    if (host.empty()) {
        const auto& choice = lifecycle.choice();
        Placement placement{choice.embedded() ? "qemu:///embed" : choice.uri};
        if (!uri_host(placement.connection).empty()) {
            placement.pool = choose_pool(lifecycle.open_uri(placement.connection), "");
        }
        return placement;
    }
    const auto hosts = configured_hosts(lifecycle.settings());
    if (host == "any") {
        return with_most_memory(lifecycle, hosts, memory);
    }
    std::vector<std::string> names;
    for (const auto& entry : hosts) {
        if (entry.name == host) {
            return on_host(lifecycle, entry);
        }
        names.push_back(entry.name);
    }
    throw Error(Failure::usage, fmt::format("unknown host '{}'{}", host, did_you_mean(host, names)),
                "hosts stand under `hosts:` in the settings");
}

}  // namespace imgforge::lifecycle
