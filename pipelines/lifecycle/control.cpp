// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/control.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/console_log.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/forwarder.hpp"
#include "pipelines/lifecycle/pause.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/preflight.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::lifecycle {
namespace {

/// The guest agent shuts a guest down even where nobody listens to the power button; most guests have only
/// the button.
void ask_to_shut_down(const virt::Domain& domain) {
    try {
        domain.shutdown(true);
    } catch (const virt::VirtError&) {
        domain.shutdown(false);
    }
}

bool is_down(const virt::Domain& domain) {
    const auto status = domain.status();
    return !status || !status->active();
}

/// Networks of libvirt that a reboot of the host left inactive.
void start_networks(const Host& host, const virt::Connection& connection, const MachineRecord& record) {
    if (record.is_embedded()) {
        return;
    }
    prepare_networks(connection, networks_of(record));
    if (record.autostart) {
        keep_networks(*host.monitor, connection, networks_of(record));
    }
}

/// False when it ran already.
bool bring_up(Lifecycle& lifecycle, MachineRecord& record) {
    settle_root_disk(lifecycle, record);
    if (!record.is_remote()) {
        check_memory(record.memory, 1);
    }
    const auto connection = lifecycle.open(record);
    const auto domain = connection.find(record.uuid);
    if (domain && !is_down(*domain)) {
        go_on(lifecycle.host(), record, *domain);
        return false;
    }
    check_published(lifecycle, record);
    start_networks(lifecycle.host(), connection, record);
    start_domain(lifecycle, connection, record);
    return true;
}

/// Waits; false when the time is over.
bool down_within(Lifecycle& lifecycle, const MachineRecord& record, const virt::Domain& domain,
                 std::chrono::milliseconds timeout) {
    try {
        wait_until(
            lifecycle.clock(), fmt::format("shutdown of machine '{}'", record.name), timeout,
            [&] { return is_down(domain); },
            [&] { return fmt::format("console: {}", console_tail(lifecycle.console_log(record), 1)); });
        return true;
    } catch (const Error& error) {
        if (error.kind() != Failure::timeout) {
            throw;
        }
        lifecycle.monitor().message(error.message());
        return false;
    }
}

/// A guest without D-Bus has nobody at the power button and often no agent; its own poweroff command, by SSH,
/// is left.
void ask_by_ssh(Lifecycle& lifecycle, const MachineRecord& record) {
    try {
        const SshTarget target = lifecycle.ssh_target(record, reachable_address(lifecycle, record));
        static_cast<void>(probe_ssh(lifecycle.processes(), target,
                                    "sudo -n systemctl poweroff || sudo -n poweroff",
                                    std::chrono::seconds(20)));
    } catch (const Error& error) {
        lifecycle.monitor().message(error.message());
    }
}

bool goes_down_politely(Lifecycle& lifecycle, const MachineRecord& record, const virt::Domain& domain,
                        std::chrono::milliseconds timeout) {
    ask_to_shut_down(domain);
    const std::chrono::milliseconds first =
        std::min<std::chrono::milliseconds>(timeout / 3, std::chrono::seconds(15));
    if (down_within(lifecycle, record, domain, first)) {
        return true;
    }
    ask_by_ssh(lifecycle, record);
    if (down_within(lifecycle, record, domain, timeout - first)) {
        return true;
    }
    lifecycle.monitor().warning(
        fmt::format("machine '{}' does not shut down; the plug is pulled", record.name));
    return false;
}

/// Of a held machine.
MachineView start_held(Lifecycle& lifecycle, MachineRecord& record, Wait wait,
                       std::optional<std::chrono::milliseconds> timeout) {
    const auto begun = std::chrono::steady_clock::now();
    const auto console_start = console_size(lifecycle.console_log(record));
    auto leases = wait == Wait::none || record.is_embedded() ? LeaseTimes()
                                                             : lease_times(lifecycle.open(record), record);
    const bool booted = bring_up(lifecycle, record);
    ensure_forwarder(lifecycle);
    Readiness ready;
    if (wait != Wait::none) {
        ready = wait_until_ready(lifecycle, record, wait, timeout.value_or(std::chrono::minutes(15)),
                                 console_start, booted ? std::move(leases) : LeaseTimes());
    }
    // A boot that nobody waits for has nothing of the one before.
    if (!record.not_ready.empty() && (booted || wait != Wait::none)) {
        record.not_ready.clear();
        lifecycle.save(record);
    }
    MachineView view = look(lifecycle, record);
    merge_addresses(view.addresses, ready.addresses);
    view.seconds = std::chrono::duration<double>(std::chrono::steady_clock::now() - begun).count();
    return view;
}

}  // namespace

MachineView start_machine(Lifecycle& lifecycle, std::string_view name, Wait wait,
                          std::optional<std::chrono::milliseconds> timeout) {
    auto [record, lock] = lifecycle.hold(name);
    return start_held(lifecycle, record, wait, timeout);
}

MachineView restart_machine(Lifecycle& lifecycle, std::string_view name, std::chrono::milliseconds timeout,
                            Wait wait) {
    auto [record, lock] = lifecycle.hold(name);
    stop_held(lifecycle, record, timeout);
    return start_held(lifecycle, record, wait, {});
}

Stopped stop_held(Lifecycle& lifecycle, const MachineRecord& record, std::chrono::milliseconds timeout) {
    const auto connection = lifecycle.open(record);
    const auto domain = connection.find(record.uuid);
    if (!domain || is_down(*domain)) {
        return Stopped::was_off;
    }
    if (timeout > std::chrono::milliseconds(0) && goes_down_politely(lifecycle, record, *domain, timeout)) {
        return Stopped::politely;
    }
    domain->destroy();
    return Stopped::unplugged;
}

Stopped stop_machine(Lifecycle& lifecycle, std::string_view name, std::chrono::milliseconds timeout) {
    const auto [record, lock] = lifecycle.hold(name);
    const Stopped how = stop_held(lifecycle, record, timeout);
    if (record.ephemeral) {
        erase_machine(lifecycle, record);
    }
    return how;
}

void set_autostart(Lifecycle& lifecycle, std::string_view name, bool on) {
    auto [record, lock] = lifecycle.hold(name);
    if (!record.is_embedded()) {
        const auto domain = lifecycle.open(record).find(record.uuid);
        if (!domain) {
            throw Error(Failure::domain,
                        fmt::format("libvirt does not know machine '{}' any more", record.name),
                        fmt::format("imgforge show {} --repair", record.name));
        }
        domain->set_autostart(on);
        if (on) {
            keep_networks(lifecycle.monitor(), lifecycle.open(record), networks_of(record));
        }
    }
    record.autostart = on;
    lifecycle.save(record);
}

int start_autostarted(Lifecycle& lifecycle) {
    int failures = 0;
    for (const auto& record : lifecycle.reservations().all()) {
        if (record.state != RecordState::ready || !record.autostart || !record.is_embedded()) {
            continue;
        }
        try {
            start_machine(lifecycle, record.name);
        } catch (const Error& error) {
            lifecycle.monitor().warning(
                fmt::format("machine '{}' does not start: {}", record.name, error.message()));
            ++failures;
        }
    }
    return failures;
}

}  // namespace imgforge::lifecycle
