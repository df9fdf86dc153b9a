// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/pause.hpp"

// Machines that are halted: by their user, or by libvirt because something went wrong.
#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/lifecycle/control.hpp"

namespace imgforge::lifecycle {
namespace {

using virt::DomainState;

using virt::DomainReason;

/// Reasons that end by themselves: somebody is at work on the domain.
constexpr std::array busy{DomainReason::migrating, DomainReason::saving,      DomainReason::dumping,
                          DomainReason::snapshot,  DomainReason::starting_up, DomainReason::shutting_down};

/// "I/O error (vda: no space)".
std::string full_reason(const virt::Domain& domain, DomainReason reason) {
    std::string disks;
    if (reason == DomainReason::io_error) {
        for (const auto& [target, text] : domain.disk_errors()) {
            disks += fmt::format("{}{}: {}", disks.empty() ? "" : ", ", target, text);
        }
    }
    return disks.empty() ? std::string(to_string(reason)) : fmt::format("{} ({})", to_string(reason), disks);
}

[[noreturn]] void refuse_paused(const MachineRecord& record, const virt::Domain& domain,
                                DomainReason reason) {
    if (reason == DomainReason::io_error && record.lazy) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' is paused: {} cannot be read", record.name, record.lazy->url),
                    fmt::format("imgforge hydrate {} asks the server again, and the machine goes on when it "
                                "answers",
                                record.name));
    }
    if (reason == DomainReason::crashed) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' is paused because its guest crashed", record.name),
                    fmt::format("imgforge logs {0} shows why; imgforge restart {0} reboots it", record.name));
    }
    throw Error(Failure::domain,
                fmt::format("machine '{}' is paused: {}", record.name, full_reason(domain, reason)),
                reason == DomainReason::io_error
                    ? fmt::format("make room on the file system of {} (df -h), then imgforge start {}",
                                  record.disk.parent_path().string(), record.name)
                    : "another tool is at work on it; try again when that has ended");
}

/// A guest whose disk is still full halts at its next write.
void watch(const Host& host, const MachineRecord& record, const virt::Domain& domain) {
    constexpr int looks = 8;
    for (int i = 0; i < looks; ++i) {
        host.clock->sleep(std::chrono::milliseconds(250));
        const auto status = domain.status();
        if (status && status->state == DomainState::paused) {
            refuse_paused(record, domain, status->reason);
        }
    }
}

virt::Domain require_domain(ConnectionPool& connections, const MachineRecord& record) {
    auto domain = connections.open(record).find(record.uuid);
    if (!domain) {
        throw Error(Failure::domain, fmt::format("libvirt does not know machine '{}' any more", record.name),
                    fmt::format("imgforge show {} --repair", record.name));
    }
    return *domain;
}

}  // namespace

void go_on(const Host& host, const MachineRecord& record, const virt::Domain& domain) {
    const auto status = domain.status();
    if (status && status->state == DomainState::suspended) {
        domain.wakeup();
        return;
    }
    if (!status || status->state != DomainState::paused) {
        return;
    }
    if (status->reason == DomainReason::crashed ||
        std::find(busy.begin(), busy.end(), status->reason) != busy.end()) {
        refuse_paused(record, domain, status->reason);
    }
    domain.resume();
    if (status->reason != DomainReason::user) {  // libvirt has not seen why an embedded machine halted
        watch(host, record, domain);
    }
}

void suspend_machine(Lifecycle& lifecycle, std::string_view name) {
    const auto [record, lock] = lifecycle.hold(name);
    const auto domain = require_domain(lifecycle, record);
    const auto status = domain.status();
    if (status && status->state == DomainState::paused) {
        return;
    }
    if (!status || !status->active()) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' does not run, so it cannot be suspended", name),
                    fmt::format("imgforge start {}", name));
    }
    domain.suspend();
}

void resume_machine(Lifecycle& lifecycle, std::string_view name) {
    const auto [record, lock] = lifecycle.hold(name);
    const auto domain = require_domain(lifecycle, record);
    const auto status = domain.status();
    if (!status || !status->active()) {
        throw Error(Failure::domain, fmt::format("machine '{}' is off", name),
                    fmt::format("imgforge start {}", name));
    }
    go_on(lifecycle.host(), record, domain);
}

}  // namespace imgforge::lifecycle
