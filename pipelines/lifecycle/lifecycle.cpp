// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lifecycle.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/quick_file.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/lifecycle/change_journal.hpp"

namespace imgforge::lifecycle {
namespace {

Places created(Places places) {
    places.create();
    return places;
}

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
    : host_(std::move(host)),
      database_(created(host_.places).state_db()),
      reservations_(database_, host_.places.instances()) {}

store::Store& Lifecycle::store() {
    if (!store_) {
        store_ = std::make_unique<store::Store>(places(), database_, clock());
        store_->look_in(settings().image_path);
    }
    return *store_;
}

virt::Accelerator Lifecycle::accelerator() {
    const std::lock_guard guard(mutex_);
    if (!accelerator_) {
        accelerator_ = virt::acceleration(processes(), places().cache(), settings().acceleration).accelerator;
    }
    return *accelerator_;
}

const virt::ConnectionChoice& Lifecycle::choice() {
    if (!choice_) {
        choice_ = virt::choose_connection(host_.connection, settings().connection);
    }
    return *choice_;
}

virt::Connection Lifecycle::open(const MachineRecord& record) {
    if (record.is_embedded()) {
        constexpr std::chrono::seconds timeout{30};
        const Fd token = MachineLock::worker_token(places().instances(), record.name);
        return virt::Connection::open(virt::embedded_uri(embedded_root(record)), places().cache() / "libvirt",
                                      timeout, token.get());
    }
    return open_uri(record.connection);
}

virt::Connection Lifecycle::open_uri(const std::string& uri) {
    const std::lock_guard guard(mutex_);
    if (const auto found = connections_.find(uri); found != connections_.end() && found->second.alive()) {
        return found->second;
    }
    auto connection = virt::Connection::open(uri);
    connections_.insert_or_assign(uri, connection);
    return connection;
}

MachineRecord Lifecycle::require(std::string_view name) {
    auto record = reservations_.find(name);
    if (!record) {
        const std::string shown(name.substr(0, longest_machine_name + 1));
        throw Error(Failure::domain,
                    fmt::format("no machine named '{}'{}", shown, did_you_mean(shown, reservations_.names())),
                    "imgforge list shows all machines");
    }
    if (record->state == RecordState::destroyed) {
        throw Error(
            Failure::domain,
            fmt::format("machine '{}' was destroyed at {}", record->name, iso_time(record->destroyed)),
            "its name is free again after `imgforge cleanup`");
    }
    return *record;
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

void Lifecycle::save(const MachineRecord& record) {
    reservations_.save(record);
    write_file_atomically(folder(record.name) / "instance.json", pretty(to_json(record)));
}

void Lifecycle::save_all(const std::vector<MachineRecord>& records) {
    database_.transaction([&] {
        for (const auto& record : records) {
            reservations_.save(record);
        }
    });
    for (const auto& record : records) {
        write_file_unflushed(folder(record.name) / "instance.json", pretty(to_json(record)));
    }
}

SshTarget Lifecycle::ssh_target(const MachineRecord& record, const std::string& host) const {
    SshTarget target;
    target.machine = record.name;
    target.host = record.ssh_port ? "127.0.0.1" : host;
    target.port = record.ssh_port.value_or(22);
    target.user = record.user;
    target.identity = places().keys() / "id_ed25519";
    target.known_hosts = folder(record.name) / "known_hosts";
    target.jump = uri_host(record.connection);
    return target;
}

std::string uri_host(std::string_view uri) {
    const std::size_t start = uri.find("://");
    if (start == std::string_view::npos) {
        return {};
    }
    const std::string_view rest = uri.substr(start + 3);
    return std::string(rest.substr(0, rest.find('/')));
}

}  // namespace imgforge::lifecycle
