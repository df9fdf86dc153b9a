// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lifecycle.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/lifecycle/change_journal.hpp"

namespace imgforge::lifecycle {
namespace {

constexpr std::chrono::seconds turn_timeout{60};

/// A machine that cannot be settled can still be looked at, stopped and destroyed.
void settle_or_warn(Lifecycle& lifecycle, MachineRecord& record) {
    try {
        if (settle_change(lifecycle, record)) {
            lifecycle.monitor().message(
                fmt::format("an interrupted change of machine '{}' was settled", record.name));
        }
    } catch (const Error& error) {
        lifecycle.monitor().warning(fmt::format(
            "an interrupted change of machine '{}' is not settled yet: {}", record.name, error.message()));
    }
}

}  // namespace

Lifecycle::Lifecycle(Host host)
    : InstanceLayout(host.places),
      MachineRegistry(InstanceLayout(host.places)),
      ConnectionPool(host),
      host_(std::move(host)) {}

store::Store& Lifecycle::store() {
    if (!store_) {
        store_ = std::make_unique<store::Store>(places(), database(), clock());
        store_->look_in(settings().image_path);
    }
    return *store_;
}

Lifecycle::Held Lifecycle::hold(std::string_view name) {
    static_cast<void>(require(name));
    MachineLock lock = MachineLock::acquire(places().instances(), name, turn_timeout);
    // Read again: the one we waited for may have changed or destroyed it.
    MachineRecord record = require(name);
    if (record.state == RecordState::spawning) {
        throw Error(
            Failure::domain,
            fmt::format("machine '{}' was never finished: the command that made it ended early", record.name),
            "imgforge cleanup removes what is left of it");
    }
    settle_or_warn(*this, record);
    return {std::move(record), std::move(lock)};
}

}  // namespace imgforge::lifecycle
