// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/snapshots.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/virt/domain_takeover.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/boot.hpp"

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

const virt::SnapshotInfo& required(const MachineRecord& record, const std::vector<virt::SnapshotInfo>& all,
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

/// Files of the chain above the record's disk, top first.
std::vector<fs::path> files_above(const MachineRecord& record, const fs::path& top) {
    std::vector<fs::path> files;
    const fs::path root = fs::weakly_canonical(record.disk);
    for (const auto& link : image::read_backing_chain(top, image::DiskFormat::qcow2)) {
        if (link.file == root) {
            return files;
        }
        files.push_back(link.file);
    }
    return files;
}

std::string target_of(const virt::DomainFacts& facts, const fs::path& file) {
    const auto found = std::find_if(facts.disks.begin(), facts.disks.end(),
                                    [&](const auto& disk) { return fs::path(disk.path) == file; });
    return found == facts.disks.end() ? "vda" : found->target;
}

void merge_running(Lifecycle& lifecycle, const MachineRecord& record, const virt::Domain& domain,
                   const DomainReality& reality) {
    const std::string target = target_of(*reality.running, reality.root);
    Activity activity(lifecycle.monitor(), fmt::format("write the snapshot of {} back", record.name));
    domain.start_block_commit(target, record.disk);
    constexpr std::chrono::hours longest{24};
    wait_until(
        lifecycle.clock(), fmt::format("merging the snapshots of machine '{}'", record.name), longest,
        [&] {
            const auto job = domain.block_job(target);
            if (!job) {
                throw Error(Failure::domain,
                            fmt::format("libvirt ended the merge for machine '{}' before it was complete",
                                        record.name),
                            "the machine is unchanged; try again, or merge while it is off");
            }
            activity.progress(static_cast<double>(job->done), static_cast<double>(job->total), "bytes");
            return job->total > 0 && job->done == job->total;
        },
        [] { return std::string("the copy is not complete"); });
    domain.pivot_block_copy(target);
}

void merge_stopped(Lifecycle& lifecycle, const virt::Connection& connection, const MachineRecord& record,
                   const DomainReality& reality) {
    Activity activity(lifecycle.monitor(), fmt::format("write the snapshot of {} back", record.name));
    ProcessSpec commit{.program = "qemu-img"};
    // -d: the upper file keeps its data until the domain is on the lower one.
    commit.args = {"commit", "-q", "-d", "-f", "qcow2", "-b", record.disk.string(), reality.root.string()};
    commit.timeout = std::chrono::hours(24);
    run_checked(lifecycle.processes(), commit);
    connection.define(virt::replaced_disk_xml(reality.xml, reality.root, record.disk));
    define_machine(lifecycle, connection, record);
}

}  // namespace

std::string take_snapshot(Lifecycle& lifecycle, std::string_view name, std::string snapshot,
                          const std::string& description) {
    const auto [record, lock] = lifecycle.hold(name);
    require_local_disks(record);
    const auto connection = lifecycle.open(record);
    const auto domain = known_domain(connection, record);
    const DomainReality reality = examine(record, domain);
    require_same_root(record, reality);
    if (reality.saved) {
        throw Error(
            Failure::domain,
            fmt::format("machine '{}' is saved: its disk alone is not what it would go on with", record.name),
            fmt::format("imgforge start {} first", record.name));
    }
    snapshot = chosen_name(record, reality.snapshots, std::move(snapshot));
    domain.create_snapshot(snapshot, description);
    return snapshot;
}

std::vector<virt::SnapshotInfo> list_snapshots(Lifecycle& lifecycle, std::string_view name) {
    const MachineRecord record = lifecycle.require(name);
    return known_domain(lifecycle.open(record), record).snapshots();
}

void restore_snapshot(Lifecycle& lifecycle, std::string_view name, const std::string& snapshot,
                      const Drop& drop) {
    auto [record, lock] = lifecycle.hold(name);
    require_local_disks(record);
    const auto connection = lifecycle.open(record);
    const auto domain = known_domain(connection, record);
    const DomainReality reality = examine(record, domain);
    const auto& wanted = required(record, reality.snapshots, snapshot);
    refuse_external(record, wanted);
    require_same_root(record, reality);
    if (reality.saved && !drop.saved) {
        throw Error(
            Failure::integrity,
            fmt::format("machine '{}' is saved: its memory does not belong to the older disk", record.name),
            "--drop-saved throws the saved memory away");
    }
    domain.drop_managed_save();
    domain.revert_snapshot(snapshot);
    // libvirt went back to the definition of that time as well.
    connection.define(reality.xml);
    const auto status = domain.status();
    if (reality.running && !(status && status->active())) {
        start_domain(lifecycle, connection, record);
    }
}

void delete_snapshot(Lifecycle& lifecycle, std::string_view name, const std::string& snapshot) {
    const auto [record, lock] = lifecycle.hold(name);
    const auto connection = lifecycle.open(record);
    const auto domain = known_domain(connection, record);
    const auto all = domain.snapshots();
    refuse_external(record, required(record, all, snapshot));
    domain.delete_snapshot(snapshot, false);
}

bool merge_snapshots(Lifecycle& lifecycle, std::string_view name) {
    auto [record, lock] = lifecycle.hold(name);
    require_local_disks(record);
    const auto connection = lifecycle.open(record);
    const auto domain = known_domain(connection, record);
    const DomainReality reality = examine(record, domain);
    if (!reality.root_above) {
        require_same_root(record, reality);
        return false;
    }
    if (reality.saved) {
        throw Error(Failure::integrity,
                    fmt::format("machine '{}' is saved: it goes on with its present disk only", record.name),
                    fmt::format("imgforge start {} first", record.name));
    }
    const auto above = files_above(record, reality.root);
    reality.running ? merge_running(lifecycle, record, domain, reality)
                    : merge_stopped(lifecycle, connection, record, reality);
    for (auto snapshot = reality.snapshots.rbegin(); snapshot != reality.snapshots.rend(); ++snapshot) {
        if (snapshot->external) {
            domain.delete_snapshot(snapshot->name, true);
        }
    }
    for (const auto& file : above) {
        if (file.parent_path() == fs::weakly_canonical(lifecycle.folder(record.name))) {
            remove_tree(file);
        } else {
            lifecycle.monitor().message(fmt::format("{} is not needed any more", file.string()));
        }
    }
    return true;
}

}  // namespace imgforge::lifecycle
