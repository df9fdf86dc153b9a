// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/domain_check.hpp"

#include <algorithm>
#include <set>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/image/backing_chain.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

fs::path real(const fs::path& path) {
    std::error_code error;
    const fs::path found = fs::weakly_canonical(path, error);
    return error ? path : found;
}

/// Whether `disk` is qcow2 and stands, directly or not, on the record's disk.
bool stands_on(const std::string& disk, const std::string& format, const fs::path& root) {
    if (format != "qcow2") {
        return false;
    }
    try {
        for (const auto& link : image::read_backing_chain(disk, image::DiskFormat::qcow2)) {
            if (real(link.file) == root) {
                return true;
            }
        }
    } catch (const Error&) {
        return false;  // unreadable: a stranger's then
    }
    return false;
}

std::string names_of(const std::vector<virt::SnapshotInfo>& snapshots) {
    std::vector<std::string> names;
    for (const auto& snapshot : snapshots) {
        names.push_back(snapshot.name);
    }
    return fmt::format("{}", fmt::join(names, ", "));
}

void settle_saved(const MachineRecord& record, const virt::Domain& domain, const DomainReality& reality,
                  const char* what, const Drop& drop) {
    if (!reality.saved) {
        return;
    }
    if (!drop.saved) {
        throw Error(Failure::integrity,
                    fmt::format("machine '{}' is saved: its memory waits for the next start, and {} would "
                                "leave it without its disk",
                                record.name, what),
                    fmt::format("imgforge start {} lets it go on; --drop-saved throws the saved memory away",
                                record.name));
    }
    domain.drop_managed_save();
}

void settle_snapshots(const MachineRecord& record, const virt::Domain& domain, const DomainReality& reality,
                      const char* what, const Drop& drop) {
    if (reality.snapshots.empty()) {
        return;
    }
    if (!drop.snapshots) {
        throw Error(
            Failure::integrity,
            fmt::format("the root disk of machine '{}' holds snapshots ({}), which {} would destroy",
                        record.name, names_of(reality.snapshots), what),
            fmt::format("imgforge snapshots {} shows them; --drop-snapshots throws them away", record.name));
    }
    // Children first; the list is by time.
    for (auto snapshot = reality.snapshots.rbegin(); snapshot != reality.snapshots.rend(); ++snapshot) {
        domain.delete_snapshot(snapshot->name, snapshot->external);
    }
}

void compare_nics(const MachineRecord& record, const virt::DomainFacts& defined,
                  std::vector<std::string>& found) {
    std::set<std::string> macs(defined.macs.begin(), defined.macs.end());
    for (const auto& nic : record.nics) {
        macs.erase(nic.network.mac.value_or(""));
    }
    for (const auto& mac : macs) {
        found.push_back(fmt::format("the domain has a NIC {} that is not in the record", mac));
    }
}

}  // namespace

void find_root_disk(const MachineRecord& record, const virt::DomainFacts& facts, DomainReality& reality) {
    const fs::path root = real(record.disk);
    for (const auto& disk : facts.disks) {
        if (real(disk.path) == root) {
            reality.root = disk.path;
            reality.root_intact = true;
            return;
        }
    }
    for (const auto& disk : facts.disks) {
        if (!disk.readonly && !disk.path.empty() && stands_on(disk.path, disk.format, root)) {
            reality.root = disk.path;
            reality.root_above = true;
            return;
        }
    }
    const auto first = std::find_if(facts.disks.begin(), facts.disks.end(),
                                    [](const auto& disk) { return disk.target == "vda"; });
    reality.root = first == facts.disks.end() ? fs::path() : fs::path(first->path);
}

namespace {

void find_data_disks(const MachineRecord& record, const virt::DomainFacts& facts, DomainReality& reality) {
    for (const auto& data : record.data_disks) {
        const fs::path file = real(data.path);
        const auto& disks = facts.disks;
        if (std::any_of(disks.begin(), disks.end(),
                        [&](const auto& disk) { return real(disk.path) == file; })) {
            continue;
        }
        const auto above = std::find_if(disks.begin(), disks.end(), [&](const auto& disk) {
            return !disk.readonly && !disk.path.empty() && stands_on(disk.path, disk.format, file);
        });
        if (above != disks.end()) {
            reality.data_above.emplace(data.path, above->path);
        }
    }
}

/// Throws for the first disk that the domain has a snapshot of another tool on.
void refuse_above(const MachineRecord& record, const char* kind, const fs::path& top, const fs::path& base) {
    throw Error(
        Failure::integrity,
        fmt::format("machine '{}' writes to {}, an external snapshot on top of its {} disk {}", record.name,
                    top.string(), kind, base.string()),
        fmt::format("imgforge snapshots {} --merge writes it back into the {} disk, and nothing is lost",
                    record.name, kind));
}

}  // namespace

DomainReality examine(const MachineRecord& record, const virt::Domain& domain) {
    DomainReality reality;
    reality.xml = domain.xml(true);
    reality.defined = virt::read_domain_xml(reality.xml);
    const auto status = domain.status();
    if (status && status->active()) {
        reality.running = virt::read_domain_xml(domain.xml(false));
    }
    reality.saved = domain.managed_save();
    reality.snapshots = domain.snapshots();
    if (record.is_remote() || record.ceph) {
        // Files of another host and images of a pool cannot be looked at; their names can.
        const auto& paths = reality.defined.disk_paths;
        reality.root_intact = std::find(paths.begin(), paths.end(), record.disk.string()) != paths.end();
        reality.root = reality.root_intact ? record.disk : fs::path(paths.empty() ? "" : paths.front());
        return reality;
    }
    find_root_disk(record, reality.defined, reality);
    find_data_disks(record, reality.running ? *reality.running : reality.defined, reality);
    if (reality.root_intact && reality.running) {
        DomainReality now;
        find_root_disk(record, *reality.running, now);
        reality.root = now.root;
        reality.root_intact = now.root_intact;
        reality.root_above = now.root_above;
    }
    return reality;
}

void require_same_disks(const MachineRecord& record, const DomainReality& reality) {
    if (reality.root_intact && !reality.data_above.empty()) {
        const auto& [base, top] = *reality.data_above.begin();
        refuse_above(record, "data", top, base);
    }
    if (reality.root_intact) {
        return;
    }
    if (reality.root_above) {
        refuse_above(record, "root", reality.root, record.disk);
    }
    throw Error(Failure::integrity,
                fmt::format("the domain of machine '{}' uses {} instead of its root disk {}", record.name,
                            reality.root.empty() ? "no disk" : reality.root.string(), record.disk.string()),
                fmt::format("put the disk back (virsh edit {}), or imgforge destroy {} --drop-changes",
                            record.name, record.name));
}

void require_intact(ConnectionPool& connections, const MachineRecord& record, const char* what,
                    const Drop& drop) {
    const auto domain = connections.open(record).find(record.uuid);
    if (!domain) {
        return;
    }
    const DomainReality reality = examine(record, *domain);
    require_same_disks(record, reality);
    settle_saved(record, *domain, reality, what, drop);
    settle_snapshots(record, *domain, reality, what, drop);
}

std::vector<std::string> foreign_changes(const MachineRecord& record, const DomainReality& reality,
                                         const virt::DomainFacts& wanted) {
    std::vector<std::string> found;
    const auto& defined = reality.defined;
    if (!reality.root_intact) {
        found.push_back(reality.root_above
                            ? fmt::format("the domain writes to {}, an external snapshot on the root disk",
                                          reality.root.string())
                            : fmt::format("the domain does not use the root disk {}", record.disk.string()));
    }
    if (defined.memory != record.memory) {
        found.push_back(fmt::format("the domain has {} of memory, {} in the record", defined.memory.text(),
                                    record.memory.text()));
    }
    if (defined.vcpus != static_cast<int>(record.vcpus)) {
        found.push_back(fmt::format("the domain has {} CPUs, {} in the record", defined.vcpus, record.vcpus));
    }
    compare_nics(record, defined, found);
    std::set<std::string> snapshots;
    for (const auto& [base, top] : reality.data_above) {
        found.push_back(fmt::format("the domain writes to {}, an external snapshot on the data disk {}",
                                    top.string(), base.string()));
        snapshots.insert(top.string());
    }
    for (const auto& disk : defined.disks) {
        const bool ours = snapshots.count(disk.path) != 0 ||
                          std::find(wanted.disk_paths.begin(), wanted.disk_paths.end(), disk.path) !=
                              wanted.disk_paths.end();
        if (!ours && !disk.path.empty() && fs::path(disk.path) != reality.root) {
            found.push_back(fmt::format("the domain has a disk {} ({}) that is not in the record",
                                        disk.target, disk.path));
        }
    }
    std::vector<std::string> devices;
    std::set_difference(defined.devices.begin(), defined.devices.end(), wanted.devices.begin(),
                        wanted.devices.end(), std::back_inserter(devices));
    for (const auto& device : devices) {
        found.push_back(fmt::format("the domain has a {} that imgforge did not give it", device));
    }
    for (const auto& snapshot : reality.snapshots) {
        if (snapshot.external) {
            found.push_back(
                fmt::format("an external snapshot '{}' was taken by another tool", snapshot.name));
        }
    }
    return found;
}

}  // namespace imgforge::lifecycle
