// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/placement.hpp"

#include <utility>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/settings.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/virt/storage_pool.hpp"

namespace imgforge::lifecycle {
namespace {

Placement on_host(Lifecycle& lifecycle, const std::string& name, const HostSetting& host) {
    return {host.connection, name, virt::choose_pool(lifecycle.open_uri(host.connection), host.pool)};
}

Placement with_most_memory(Lifecycle& lifecycle, ByteSize memory) {
    const std::pair<const std::string, HostSetting>* best = nullptr;
    ByteSize most;
    std::vector<std::string> seen;
    for (const auto& entry : lifecycle.settings().hosts) {
        const auto& [name, host] = entry;
        try {
            const ByteSize free = lifecycle.open_uri(host.connection).host().memory_free;
            seen.push_back(fmt::format("{}: {} free", name, free.text()));
            if (free >= memory && (best == nullptr || free > most)) {
                best = &entry;
                most = free;
            }
        } catch (const Error& error) {
            seen.push_back(fmt::format("{}: {}", name, error.message()));
        }
    }
    if (best == nullptr) {
        throw Error(Failure::host,
                    fmt::format("no host has {} of memory left ({})", memory.text(), fmt::join(seen, "; ")),
                    "hosts stand under `hosts:` in the settings");
    }
    return on_host(lifecycle, best->first, best->second);
}

}  // namespace

Placement place(Lifecycle& lifecycle, const std::string& host, ByteSize memory) {
    if (host.empty()) {
        const auto& choice = lifecycle.choice();
        Placement placement{choice.embedded() ? "qemu:///embed" : choice.uri};
        if (!uri_host(placement.connection).empty()) {
            placement.pool = virt::choose_pool(lifecycle.open_uri(placement.connection), "");
        }
        return placement;
    }
    if (host == "any") {
        return with_most_memory(lifecycle, memory);
    }
    std::vector<std::string> names;
    for (const auto& [name, entry] : lifecycle.settings().hosts) {
        if (name == host) {
            return on_host(lifecycle, name, entry);
        }
        names.push_back(name);
    }
    throw Error(Failure::usage, fmt::format("unknown host '{}'{}", host, did_you_mean(host, names)),
                "hosts stand under `hosts:` in the settings");
}

}  // namespace imgforge::lifecycle
