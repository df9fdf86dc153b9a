// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/stages/verify_clones.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/interrupt.hpp"
#include "pipelines/lifecycle/erase.hpp"
#include "pipelines/lifecycle/port_hold.hpp"
#include "pipelines/lifecycle/ports.hpp"
#include "pipelines/lifecycle/spawn.hpp"
#include "pipelines/stages/clones.hpp"

namespace imgforge::stages {
namespace {

/// What a clone that this command could not remove, being killed, is removed after by `imgforge expiry`.
constexpr std::chrono::hours longest_life{12};

std::string comment_of(const engine::StageTask& task) {
    return fmt::format("verify of {}", task.recipe->name);
}

lifecycle::SpawnOptions verify_options(const engine::StageTask& task) {
    lifecycle::SpawnOptions options = clone_options(task, published_generation(task), "verify", 1);
    options.wait = lifecycle::Wait::ssh;
    if (task.options.contains("boot-timeout")) {
        options.timeout = parse_duration(task.options["boot-timeout"].get<std::string>());
    }
    options.comment = comment_of(task);
    options.ephemeral = true;
    options.rollback = !task.keep_failed;
    options.ttl = longest_life;
    return options;
}

/// Leads a loopback port to the guest's; held until QEMU listens on it.
std::uint16_t forwarded(lifecycle::Lifecycle& machines, const std::string& name, std::uint16_t guest_port) {
    constexpr int tries = 100;
    for (int i = 0;; ++i) {
        const auto hold = lifecycle::PortHold::any();
        if (!hold) {
            throw Error(Failure::host,
                        fmt::format("no free loopback port for port {} of clone '{}'", guest_port, name));
        }
        try {
            lifecycle::forward_port(machines, name, {.host_port = hold->port(), .guest_port = guest_port},
                                    false);
            return hold->port();
        } catch (const Error&) {
            if (i >= tries) {
                throw;
            }
        }
    }
}

/// What QEMU says of the connections of a clone on its user network.
std::string user_network(lifecycle::Lifecycle& machines, const lifecycle::MachineRecord& record) {
    try {
        const auto domain = machines.open(record).find(record.uuid);
        if (!domain) {
            return {};
        }
        const Json answer = domain->monitor(
            {{"execute", "human-monitor-command"}, {"arguments", {{"command-line", "info usernet"}}}});
        return answer.is_string() ? answer.get<std::string>() : std::string();
    } catch (const Error&) {
        return {};
    }
}

}  // namespace

VerifyClones::VerifyClones(lifecycle::Lifecycle& machines, const engine::StageTask& task)
    : machines_(machines) {
    remove_left_over(comment_of(task));
    views_ = lifecycle::spawn(machines_, verify_options(task));
}

VerifyClones::~VerifyClones() {
    const interrupt::Shield shield;
    if (kept_) {
        return;
    }
    for (const lifecycle::MachineView& view : views_) {
        try {
            lifecycle::erase_machine(machines_, view.record);
        } catch (const std::exception& error) {
            machines_.monitor().warning(
                fmt::format("clone '{}' could not be removed: {}", view.record.name, error.what()));
        }
    }
}

std::string VerifyClones::keep() {
    kept_ = true;
    std::vector<std::string> lines;
    for (const lifecycle::MachineView& view : views_) {
        lifecycle::MachineRecord record = machines_.require(view.record.name);
        record.comment = "kept after a failed " + record.comment;
        machines_.save(record);
        lines.push_back("imgforge ssh " + record.name);
    }
    return fmt::to_string(fmt::join(lines, "\n  "));
}

/// Of a build that was killed: one recipe is built once at a time, so nobody uses them.
void VerifyClones::remove_left_over(const std::string& comment) {
    for (const lifecycle::MachineRecord& record : machines_.reservations().all()) {
        if (record.comment == comment && record.state == lifecycle::RecordState::ready) {
            lifecycle::erase_machine(machines_, record);
        }
    }
}

std::map<std::uint16_t, provision::PortPlace> port_places(lifecycle::Lifecycle& machines,
                                                          const lifecycle::MachineView& view,
                                                          const std::vector<provision::Check>& checks) {
    std::map<std::uint16_t, provision::PortPlace> places;
    const std::string host = machines.ssh_target(view.record, lifecycle::first_address(view)).host;
    for (const std::uint16_t port : provision::checked_ports(checks)) {
        if (!view.record.ssh_port) {
            places[port] = {.host = host, .port = port};
            continue;
        }
        const std::uint16_t way =
            port == 22 ? *view.record.ssh_port : forwarded(machines, view.record.name, port);
        places[port] = {.host = host, .port = way, .usernet = [&machines, record = view.record] {
                            return user_network(machines, record);
                        }};
    }
    return places;
}

}  // namespace imgforge::stages
