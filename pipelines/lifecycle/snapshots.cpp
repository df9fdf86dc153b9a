// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/snapshots.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/ceph/ceph_changes.hpp"
#include "pipelines/lifecycle/change_journal.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// `connection` is the only one of the command: an embedded root is opened once.
virt::Domain known_domain(const virt::Connection& connection, const MachineRecord& record) {
    auto domain = connection.find(record.uuid);
    if (!domain) {
        throw Error(Failure::domain, fmt::format("libvirt does not know machine '{}' any more", record.name),
                    fmt::format("imgforge show {} --repair", record.name));
    }
    return *domain;
}

void require_local_disks(const MachineRecord& record) {
    if (record.is_remote()) {
        throw Error(
            Failure::domain,
            fmt::format("machine '{}' is on another host: its snapshots are taken there", record.name));
    }
}

bool has(const std::vector<virt::SnapshotInfo>& snapshots, const std::string& name) {
    return std::any_of(snapshots.begin(), snapshots.end(), [&](const auto& one) { return one.name == name; });
}

std::string chosen_name(const MachineRecord& record, const std::vector<virt::SnapshotInfo>& snapshots,
                        std::string name) {
    for (int number = 1; name.empty(); ++number) {
        const std::string next = fmt::format("s{}", number);
        name = has(snapshots, next) ? "" : next;
        if (!name.empty()) {
            return name;
        }
    }
    if (name.size() > 200 || name.find_first_of("/\n") != std::string::npos || name.front() == '.') {
        throw Error(Failure::usage, fmt::format("'{}' cannot be the name of a snapshot", name),
                    "letters, digits, '-', '_' and '.', not starting with '.'");
    }
    if (has(snapshots, name)) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' has a snapshot '{}' already", record.name, name),
                    fmt::format("imgforge snapshots {} --delete {}", record.name, name));
    }
    return name;
}

virt::SnapshotInfo required(const MachineRecord& record, const std::vector<virt::SnapshotInfo>& all,
                            const std::string& name) {
    const auto found =
        std::find_if(all.begin(), all.end(), [&](const auto& one) { return one.name == name; });
    if (found == all.end()) {
        throw Error(Failure::domain, fmt::format("machine '{}' has no snapshot '{}'", record.name, name),
                    fmt::format("imgforge snapshots {} lists them", record.name));
    }
    return *found;
}

void refuse_external(const MachineRecord& record, const virt::SnapshotInfo& snapshot) {
    if (snapshot.external) {
        throw Error(Failure::integrity,
                    fmt::format("snapshot '{}' of machine '{}' is external, made by another tool: libvirt "
                                "cannot go back to it",
                                snapshot.name, record.name),
                    fmt::format("imgforge snapshots {} --merge keeps what the machine has now", record.name));
    }
}

/// A snapshot in a Ceph pool has no memory, and the pool cannot change a disk under a running guest.
void restore_off(const MachineRecord& record, const DomainReality& reality, const std::string& snapshot,
                 const Drop& drop) {
    static_cast<void>(required(record, snapshots_in_pool(record), snapshot));
    require_same_disks(record, reality);
    if (reality.running) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' runs: its disk in the Ceph pool goes back to a snapshot only "
                                "while it is off",
                                record.name),
                    fmt::format("imgforge stop {0} && imgforge restore {0} {1}", record.name, snapshot));
    }
    if (reality.saved && !drop.saved) {
        throw Error(
            Failure::integrity,
            fmt::format("machine '{}' is saved: its memory does not belong to the older disk", record.name),
            "--drop-saved throws the saved memory away");
    }
    restore_in_pool(record, snapshot);
}

}  // namespace

std::string take_snapshot(Lifecycle& lifecycle, std::string_view name, std::string snapshot,
                          const std::string& description) {
    const auto [record, lock] = lifecycle.hold(name);
    require_local_disks(record);
    const auto connection = lifecycle.open(record);
    const auto domain = known_domain(connection, record);
    const DomainReality reality = examine(record, domain);
    require_same_disks(record, reality);
    if (reality.saved) {
        throw Error(
            Failure::domain,
            fmt::format("machine '{}' is saved: its disk alone is not what it would go on with", record.name),
            fmt::format("imgforge start {} first", record.name));
    }
    snapshot =
        chosen_name(record, record.ceph ? snapshots_in_pool(record) : reality.snapshots, std::move(snapshot));
    if (record.ceph) {
        snapshot_in_pool(record, snapshot, description);
    } else {
        domain.create_snapshot(snapshot, description);
    }
    return snapshot;
}

std::vector<virt::SnapshotInfo> list_snapshots(Lifecycle& lifecycle, std::string_view name) {
    const MachineRecord record = lifecycle.require(name);
    if (record.ceph) {
        return snapshots_in_pool(record);
    }
    return known_domain(lifecycle.open(record), record).snapshots();
}

void restore_snapshot(Lifecycle& lifecycle, std::string_view name, const std::string& snapshot,
                      const Drop& drop) {
    auto [record, lock] = lifecycle.hold(name);
    require_local_disks(record);
    const auto connection = lifecycle.open(record);
    const auto domain = known_domain(connection, record);
    const DomainReality reality = examine(record, domain);
    if (record.ceph) {
        restore_off(record, reality, snapshot, drop);
        domain.drop_managed_save();
        return;
    }
    const auto wanted = required(record, reality.snapshots, snapshot);
    refuse_external(record, wanted);
    require_same_disks(record, reality);
    if (reality.saved && !drop.saved) {
        throw Error(
            Failure::integrity,
            fmt::format("machine '{}' is saved: its memory does not belong to the older disk", record.name),
            "--drop-saved throws the saved memory away");
    }
    domain.drop_managed_save();
    // libvirt goes back to the definition of that time as well.
    ChangeJournal journal(lifecycle, record, {.definition = reality.xml});
    domain.revert_snapshot(snapshot);
    connection.define(reality.xml);
    journal.finish();
    const auto status = domain.status();
    if (reality.running && !(status && status->active())) {
        start_domain(lifecycle, connection, record);
    }
}

void delete_snapshot(Lifecycle& lifecycle, std::string_view name, const std::string& snapshot) {
    const auto [record, lock] = lifecycle.hold(name);
    if (record.ceph) {
        static_cast<void>(required(record, snapshots_in_pool(record), snapshot));
        delete_snapshot_in_pool(record, snapshot);
        return;
    }
    const auto connection = lifecycle.open(record);
    const auto domain = known_domain(connection, record);
    const auto all = domain.snapshots();
    refuse_external(record, required(record, all, snapshot));
    domain.delete_snapshot(snapshot, false);
}

}  // namespace imgforge::lifecycle
