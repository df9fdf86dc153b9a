// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/repair.hpp"

// Machines that changed behind our back: what differs, and what is put back or taken over.
#include <algorithm>
#include <optional>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

enum class Repair {
    define,  ///< the domain lost something; defining it again puts it back
    adopt,   ///< another tool changed it on purpose; the record takes it over
    none,
};

struct Difference {
    std::string what;
    Repair repair = Repair::define;
};

/// What the domain lost of what the record says.
void find_losses(const DomainReality& reality, const MachineRecord& record,
                 std::vector<Difference>& differences) {
    const auto& facts = reality.defined;
    const std::set<std::string> macs(facts.macs.begin(), facts.macs.end());
    for (const auto& nic : record.nics) {
        if (macs.count(nic.network.mac.value_or("")) == 0) {
            differences.push_back(
                {fmt::format("the domain has lost the NIC {}", nic.network.mac.value_or(""))});
        }
    }
    const std::set<std::string> disks(facts.disk_paths.begin(), facts.disk_paths.end());
    std::vector<fs::path> wanted = {record.seed};
    for (const auto& data : record.data_disks) {
        wanted.push_back(data.path);
    }
    for (const auto& path : wanted) {
        if (!path.empty() && disks.count(path.string()) == 0 && reality.data_above.count(path) == 0) {
            differences.push_back({fmt::format("the domain has lost the disk {}", path.string())});
        }
    }
    if (facts.name != record.name) {
        differences.push_back({fmt::format("the domain is called '{}' now", facts.name), Repair::none});
    }
}

void find_missing_files(const MachineRecord& record, std::vector<Difference>& differences) {
    std::vector<fs::path> files = {record.seed};
    if (!record.ceph) {
        files.push_back(record.disk);
        files.insert(files.end(), record.backing.begin(), record.backing.end());
    }
    for (const auto& file : files) {
        if (!file.empty() && !fs::exists(file)) {
            differences.push_back({fmt::format("the file {} is gone", file.string()), Repair::none});
        }
    }
}

std::vector<Difference> find_differences(Lifecycle& lifecycle, const MachineRecord& record,
                                         std::optional<DomainReality>& reality) {
    std::vector<Difference> differences;
    if (!record.is_remote()) {
        find_missing_files(record, differences);
    }
    const auto domain = lifecycle.open(record).find(record.uuid);
    if (!domain) {
        differences.push_back({"libvirt does not know the domain any more"});
        return differences;
    }
    reality = examine(record, *domain);
    find_losses(*reality, record, differences);
    for (auto& change :
         foreign_changes(record, *reality, virt::read_domain_xml(own_domain_xml(lifecycle, record)))) {
        differences.push_back({std::move(change), Repair::adopt});
    }
    if (!record.is_embedded() && domain->autostart() != record.autostart) {
        differences.push_back(
            {fmt::format("autostart is {} in libvirt and {} in the record",
                         domain->autostart() ? "on" : "off", record.autostart ? "on" : "off"),
             Repair::adopt});
    }
    return differences;
}

/// The record learns what other tools set: sizes and autostart. Disks and devices they gave stay theirs.
void adopt_changes(Lifecycle& lifecycle, MachineRecord& record, const DomainReality& reality) {
    record.memory = reality.defined.memory;
    record.vcpus = static_cast<unsigned>(reality.defined.vcpus);
    if (!record.is_embedded()) {
        const auto domain = lifecycle.open(record).find(record.uuid);
        record.autostart = domain ? domain->autostart() : record.autostart;
    }
    lifecycle.save(record);
}

std::string_view word_of(Repair repair) {
    switch (repair) {
        case Repair::define: return "repaired: ";
        case Repair::adopt: return "kept: ";
        case Repair::none: break;
    }
    return "cannot repair: ";
}

/// Small files that follow from the record.
void rewrite_files(const InstanceLayout& layout, const MachineRecord& record,
                   std::vector<std::string>& done) {
    const auto folder = layout.folder(record.name);
    if (!fs::exists(folder / "known_hosts")) {
        std::string text;
        for (const auto& key : record.host_keys) {
            text += known_hosts_line(record.name, key);
        }
        write_file_atomically(folder / "known_hosts", text);
        done.emplace_back("known_hosts written again");
    }
    const std::string text = pretty(to_json(record));
    if (!fs::exists(folder / "instance.json") || read_file(folder / "instance.json") != text) {
        write_file_atomically(folder / "instance.json", text);
        done.emplace_back("instance.json written again");
    }
}

}  // namespace

std::vector<std::string> drift(Lifecycle& lifecycle, const MachineRecord& record, DomainReality* seen) {
    std::vector<std::string> texts;
    std::optional<DomainReality> reality;
    for (auto& difference : find_differences(lifecycle, record, reality)) {
        texts.push_back(std::move(difference.what));
    }
    if (seen != nullptr && reality) {
        *seen = std::move(*reality);
    }
    return texts;
}

std::vector<std::string> repair_machine(Lifecycle& lifecycle, std::string_view name) {
    auto [record, lock] = lifecycle.hold(name);
    std::vector<std::string> done;
    if (settle_root_disk(lifecycle, record)) {
        done.emplace_back("an interrupted change of the root disk was settled");
    }
    std::optional<DomainReality> reality;
    const auto differences = find_differences(lifecycle, record, reality);
    if (reality) {
        require_same_disks(record, *reality);
        adopt_changes(lifecycle, record, *reality);
    }
    const bool redefine = std::any_of(differences.begin(), differences.end(), [](const auto& difference) {
        return difference.repair == Repair::define;
    });
    if (redefine) {
        const auto connection = lifecycle.open(record);
        const auto domain = define_machine(lifecycle, connection, record, Definition::restored);
        if (!record.is_embedded()) {
            domain.set_autostart(record.autostart);
        }
        const auto status = domain.status();
        done.emplace_back(status && status->active()
                              ? "the domain was defined again; it takes effect at the next start"
                              : "the domain was defined again");
    }
    for (const auto& difference : differences) {
        done.push_back(std::string(word_of(difference.repair)) + difference.what);
    }
    add_reference(lifecycle.store(), record);
    if (!record.is_remote()) {
        rewrite_files(lifecycle, record, done);
    }
    return done;
}

}  // namespace imgforge::lifecycle
