// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/change_journal.hpp"

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/file.hpp"
#include "builder/base/json.hpp"
#include "builder/image/backing_chain.hpp"
#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/ports.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

fs::path journal_file(const InstanceLayout& layout, const MachineRecord& record) {
    return layout.folder(record.name) / "changing.json";
}

/// The maximum is changed first, the rest follows it.
void settle_sizes(const virt::Domain& domain, const DomainReality& reality, MachineRecord& record) {
    record.memory = reality.defined.memory;
    record.vcpus = static_cast<unsigned>(reality.defined.vcpus);
    domain.set_memory(record.memory, false, {.config = true});
    domain.set_vcpus(reality.defined.vcpus, false, {.config = true});
}

bool uses(const virt::DomainFacts& facts, const fs::path& file) {
    return std::find(facts.disk_paths.begin(), facts.disk_paths.end(), file.string()) !=
           facts.disk_paths.end();
}

/// A disk of the killed command was empty, so one that no domain has can go.
void settle_data_disk(const DomainReality& reality, const fs::path& file, MachineRecord& record) {
    auto& disks = record.data_disks;
    const auto listed =
        std::find_if(disks.begin(), disks.end(), [&](const auto& disk) { return disk.path == file; });
    if (uses(reality.defined, file) || (reality.running && uses(*reality.running, file))) {
        if (listed == disks.end()) {
            disks.push_back({file, "qcow2", image::virtual_size(file, image::DiskFormat::qcow2)});
        }
        return;
    }
    if (listed != disks.end()) {
        disks.erase(listed);
    }
    remove_tree(file);
}

}  // namespace

ChangeJournal::ChangeJournal(const Lifecycle& lifecycle, const MachineRecord& record,
                             const PendingChange& change)
    : file_(journal_file(lifecycle, record)) {
    Json disks = Json::array();
    for (const auto& disk : change.data_disks) {
        disks.push_back(disk.string());
    }
    write_file_atomically(file_, pretty({{"sizes", change.sizes},
                                         {"data_disks", disks},
                                         {"ports", change.ports},
                                         {"definition", change.definition}}));
}

void ChangeJournal::finish() {
    remove_tree(file_);
}

bool settle_change(Lifecycle& lifecycle, MachineRecord& record) {
    const fs::path file = journal_file(lifecycle, record);
    if (!fs::exists(file)) {
        return false;
    }
    const Json pending = parse_json(read_file(file), file.string());
    const auto connection = lifecycle.open(record);
    const auto domain = connection.find(record.uuid);
    if (!domain) {
        return false;
    }
    if (const std::string xml = pending.value("definition", ""); !xml.empty()) {
        connection.define(xml);
    }
    const DomainReality reality = examine(record, *domain);
    if (pending.value("sizes", false)) {
        settle_sizes(*domain, reality, record);
    }
    for (const auto& disk : pending.value("data_disks", std::vector<std::string>())) {
        settle_data_disk(reality, disk, record);
    }
    if (pending.value("ports", false)) {
        apply_ports(lifecycle, connection, record);
    }
    lifecycle.save(record);
    remove_tree(file);
    return true;
}

}  // namespace imgforge::lifecycle
