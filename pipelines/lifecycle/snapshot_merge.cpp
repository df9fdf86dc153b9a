// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/snapshot_merge.hpp"

// External snapshots of other tools, written back into the disks that they stand on: the root disk and data
// disks, all of which `virsh snapshot-create-as --disk-only` puts under one.
#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/virt/domain_takeover.hpp"
#include "pipelines/lifecycle/block_job.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/snapshots.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// A disk of the record, and the file on top of it that the domain writes to.
struct Layered {
    fs::path base;
    fs::path top;
};

std::vector<Layered> layered_disks(const MachineRecord& record, const DomainReality& reality) {
    std::vector<Layered> disks;
    if (reality.root_above) {
        disks.push_back({record.disk, reality.root});
    }
    for (const auto& [base, top] : reality.data_above) {
        disks.push_back({base, top});
    }
    return disks;
}

/// Files of the chain above the base, top first.
std::vector<fs::path> files_above(const Layered& disk) {
    std::vector<fs::path> files;
    const fs::path base = fs::weakly_canonical(disk.base);
    for (const auto& link : image::read_backing_chain(disk.top, image::DiskFormat::qcow2)) {
        if (link.file == base) {
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

void merge_running(const Host& host, const MachineRecord& record, const virt::Domain& domain,
                   const DomainReality& reality, const Layered& disk) {
    const std::string target = target_of(*reality.running, disk.top);
    Activity activity(*host.monitor, fmt::format("write the snapshot of {} ({}) back", record.name, target));
    domain.start_block_commit(target, disk.base);
    await_copy(host, domain,
               {.target = target,
                .what = fmt::format("merging the snapshots of machine '{}'", record.name),
                .if_ended = "the disk is unchanged; try again, or merge while the machine is off"},
               activity);
    domain.pivot_block_copy(target);
}

void merge_stopped(const Host& host, const virt::Connection& connection, const MachineRecord& record,
                   const Layered& disk) {
    Activity activity(*host.monitor, fmt::format("write the snapshot of {} back", record.name));
    ProcessSpec commit{.program = "qemu-img"};
    // -d: the upper file keeps its data until the domain is on the lower one.
    commit.args = {"commit", "-q", "-d", "-f", "qcow2", "-b", disk.base.string(), disk.top.string()};
    commit.timeout = std::chrono::hours(24);
    run_checked(*host.processes, commit);
    const auto domain = connection.find(record.uuid);
    connection.define(virt::replaced_disk_xml(domain->xml(true), disk.top, disk.base));
}

/// Files outside the machine's directory are another's to remove.
void remove_files(Lifecycle& lifecycle, const MachineRecord& record, const std::vector<fs::path>& files) {
    const fs::path folder = fs::weakly_canonical(lifecycle.folder(record.name));
    for (const auto& file : files) {
        if (file.parent_path() == folder) {
            remove_tree(file);
        } else {
            lifecycle.monitor().message(fmt::format("{} is not needed any more", file.string()));
        }
    }
}

void require_mergeable(const MachineRecord& record, const DomainReality& reality) {
    if (!reality.root_above && !reality.root_intact) {
        require_same_disks(record, reality);
    }
    if (reality.saved) {
        throw Error(Failure::integrity,
                    fmt::format("machine '{}' is saved: it goes on with its present disk only", record.name),
                    fmt::format("imgforge start {} first", record.name));
    }
}

}  // namespace

bool merge_snapshots(Lifecycle& lifecycle, std::string_view name) {
    auto [record, lock] = lifecycle.hold(name);
    if (record.is_remote()) {
        throw Error(Failure::domain, fmt::format("machine '{}' is on another host: its snapshots are merged "
                                                 "there",
                                                 record.name));
    }
    const auto connection = lifecycle.open(record);
    const auto domain = connection.find(record.uuid);
    if (!domain) {
        throw Error(Failure::domain, fmt::format("libvirt does not know machine '{}' any more", record.name),
                    fmt::format("imgforge show {} --repair", record.name));
    }
    const DomainReality reality = examine(record, *domain);
    const auto disks = layered_disks(record, reality);
    if (disks.empty()) {
        require_same_disks(record, reality);
        return false;
    }
    require_mergeable(record, reality);
    std::vector<fs::path> above;
    for (const auto& disk : disks) {
        const auto files = files_above(disk);
        above.insert(above.end(), files.begin(), files.end());
        reality.running ? merge_running(lifecycle.host(), record, *domain, reality, disk)
                        : merge_stopped(lifecycle.host(), connection, record, disk);
    }
    if (!reality.running) {
        define_machine(lifecycle, connection, record);
    }
    for (auto snapshot = reality.snapshots.rbegin(); snapshot != reality.snapshots.rend(); ++snapshot) {
        if (snapshot->external) {
            domain->delete_snapshot(snapshot->name, true);
        }
    }
    remove_files(lifecycle, record, above);
    return true;
}

}  // namespace imgforge::lifecycle
