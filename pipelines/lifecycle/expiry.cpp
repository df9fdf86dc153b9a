// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/expiry.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/destroy.hpp"
#include "pipelines/lifecycle/ready.hpp"
#include "pipelines/lifecycle/warm/guest_shell.hpp"

namespace imgforge::lifecycle {
namespace {

constexpr std::chrono::seconds notice{600};

bool is_over(const MachineRecord& record, std::int64_t now) {
    return record.state == RecordState::ready && record.expires != 0 && record.expires <= now;
}

/// Remembers that a machine was warned, for this expiry.
std::filesystem::path notice_mark(const InstanceLayout& layout, const MachineRecord& record) {
    return layout.folder(record.name) / fmt::format(".expiry-{}", record.expires);
}

void warn_guest(Lifecycle& lifecycle, const MachineRecord& record, std::int64_t now) {
    const std::string line = fmt::format("this machine is destroyed in {} minutes (imgforge set {} --ttl)",
                                         (record.expires - now + 59) / 60, record.name);
    // wall reaches those who are logged in; the console and its log keep it for all others.
    const std::string script = fmt::format(
        "wall {0}; {{ echo {0} | sudo -n tee /dev/console || echo {0} >/dev/console; }} >/dev/null "
        "2>&1; true",
        shell_quote(line));
    constexpr std::chrono::seconds longest{10};
    try {
        const SshTarget target = lifecycle.ssh_target(record, reachable_address(lifecycle, record));
        if (probe_ssh(lifecycle.processes(), target, script, longest).reached) {
            return;
        }
    } catch (const Error&) {
        // no address: the agent needs none
    }
    if (const auto domain = lifecycle.open(record).find(record.uuid)) {
        static_cast<void>(run_in_guest(lifecycle.clock(), *domain, script, longest));
    }
}

void remind(Lifecycle& lifecycle, const MachineRecord& record, std::int64_t now, ExpiryReport& report) {
    const auto mark = notice_mark(lifecycle, record);
    if (std::filesystem::exists(mark)) {
        return;
    }
    lifecycle.monitor().warning(
        fmt::format("machine '{}' is destroyed in {} minutes; imgforge set {} --ttl "
                    "gives it more time",
                    record.name, (record.expires - now + 59) / 60, record.name));
    write_file_atomically(mark, "");
    try {
        warn_guest(lifecycle, record, now);
        report.warned.push_back(record.name);
    } catch (const Error& error) {
        lifecycle.monitor().message(error.message());
    }
}

}  // namespace

std::chrono::seconds parse_ttl(std::string_view text) {
    const auto ttl = parse_duration(text);
    if (ttl < std::chrono::seconds(1)) {
        throw Error(Failure::usage, fmt::format("invalid time to live '{}'", text), "8h, 30m, 2d");
    }
    return ttl;
}

ExpiryReport reap_expired(Lifecycle& lifecycle) {
    ExpiryReport report;
    const std::int64_t now = lifecycle.clock().wall_seconds();
    for (const auto& record : lifecycle.reservations().all()) {
        if (record.state != RecordState::ready || record.expires == 0) {
            continue;
        }
        if (!is_over(record, now)) {
            if (record.expires - now < notice.count()) {
                remind(lifecycle, record, now, report);
            }
            continue;
        }
        if (!MachineLock::try_acquire(lifecycle.places().instances(), record.name)) {
            continue;
        }
        try {
            destroy_machine(lifecycle, record.name, {.saved = true, .snapshots = true}, true);
            lifecycle.monitor().message(
                fmt::format("machine '{}' has expired and is destroyed", record.name));
            report.destroyed.push_back(record.name);
        } catch (const Error& error) {
            lifecycle.monitor().warning(
                fmt::format("machine '{}' has expired and stays: {}", record.name, error.message()));
            report.kept.push_back(record.name);
        }
    }
    return report;
}

bool any_expired(Lifecycle& lifecycle) {
    const std::int64_t now = lifecycle.clock().wall_seconds();
    const auto records = lifecycle.reservations().all();
    return std::any_of(records.begin(), records.end(),
                       [now](const auto& record) { return is_over(record, now); });
}

}  // namespace imgforge::lifecycle
