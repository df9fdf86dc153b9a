// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/connection_pool.hpp"

#include "pipelines/lifecycle/machine_lock.hpp"

namespace imgforge::lifecycle {

ConnectionPool::ConnectionPool(const Host& host)
    : layout_(host.places),
      processes_(*host.processes),
      asked_(host.connection),
      setting_(host.settings.connection),
      acceleration_(host.settings.acceleration) {}

virt::Accelerator ConnectionPool::accelerator() {
    const std::lock_guard guard(mutex_);
    if (!accelerator_) {
        accelerator_ = virt::acceleration(processes_, layout_.places().cache(), acceleration_).accelerator;
    }
    return *accelerator_;
}

const virt::ConnectionChoice& ConnectionPool::choice() {
    if (!choice_) {
        choice_ = virt::choose_connection(asked_, setting_);
    }
    return *choice_;
}

virt::Connection ConnectionPool::open(const MachineRecord& record) {
    if (record.is_embedded()) {
        constexpr std::chrono::seconds timeout{30};
        const Fd token = MachineLock::worker_token(layout_.places().instances(), record.name);
        return virt::Connection::open(virt::embedded_uri(layout_.embedded_root(record)),
                                      layout_.places().cache() / "libvirt", timeout, token.get());
    }
    return open_uri(record.connection);
}

virt::Connection ConnectionPool::open_uri(const std::string& uri) {
    const std::lock_guard guard(mutex_);
    if (const auto found = connections_.find(uri); found != connections_.end() && found->second.alive()) {
        return found->second;
    }
    auto connection = virt::Connection::open(uri);
    connections_.insert_or_assign(uri, connection);
    return connection;
}

}  // namespace imgforge::lifecycle
