// SPDX-License-Identifier: GPL-3.0-or-later
// Machines that changed behind our back: what differs, and mending it.
#include <algorithm>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/control.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

struct Difference {
    std::string what;
    bool in_domain = true;  ///< defining the domain again mends it
};

void compare_domain(const virt::DomainFacts& facts, const MachineRecord& record,
                    std::vector<Difference>& differences) {
    std::set<std::string> macs(facts.macs.begin(), facts.macs.end());
    for (const auto& nic : record.nics) {
        if (macs.erase(nic.network.mac.value_or("")) == 0) {
            differences.push_back(
                {fmt::format("the domain has lost the NIC {}", nic.network.mac.value_or(""))});
        }
    }
    for (const auto& mac : macs) {
        differences.push_back({fmt::format("the domain has a NIC {} that is not in the record", mac)});
    }
    const std::set<std::string> disks(facts.disk_paths.begin(), facts.disk_paths.end());
    if (disks.count(record.disk.string()) == 0) {
        differences.push_back(
            {fmt::format("the domain does not use the root disk {}", record.disk.string())});
    }
    if (facts.name != record.name) {
        differences.push_back({fmt::format("the domain is called '{}' now", facts.name), false});
    }
}

std::vector<Difference> find_differences(Lifecycle& lifecycle, const MachineRecord& record) {
    std::vector<Difference> differences;
    if (!record.is_remote()) {
        std::vector<fs::path> files = {record.disk, record.seed};
        files.insert(files.end(), record.backing.begin(), record.backing.end());
        for (const auto& file : files) {
            if (!file.empty() && !fs::exists(file)) {
                differences.push_back({fmt::format("the file {} is gone", file.string()), false});
            }
        }
    }
    const auto domain = lifecycle.open(record).find(record.uuid);
    if (!domain) {
        differences.push_back({"libvirt does not know the domain any more"});
        return differences;
    }
    compare_domain(virt::read_domain_xml(domain->xml(true)), record, differences);
    if (!record.is_embedded() && domain->autostart() != record.autostart) {
        differences.push_back(
            {fmt::format("autostart is {} in libvirt and {} in the record",
                         domain->autostart() ? "on" : "off", record.autostart ? "on" : "off")});
    }
    return differences;
}

/// Small files that follow from the record.
void rewrite_files(Lifecycle& lifecycle, const MachineRecord& record, std::vector<std::string>& done) {
    const auto folder = lifecycle.folder(record.name);
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

std::vector<std::string> drift(Lifecycle& lifecycle, const MachineRecord& record) {
    std::vector<std::string> texts;
    for (auto& difference : find_differences(lifecycle, record)) {
        texts.push_back(std::move(difference.what));
    }
    return texts;
}

std::vector<std::string> repair_machine(Lifecycle& lifecycle, std::string_view name) {
    auto [record, lock] = lifecycle.hold(name);
    std::vector<std::string> done;
    if (settle_root_disk(lifecycle, record)) {
        done.emplace_back("an interrupted change of the root disk was settled");
    }
    const auto differences = find_differences(lifecycle, record);
    const bool redefine = std::any_of(differences.begin(), differences.end(),
                                      [](const auto& difference) { return difference.in_domain; });
    if (redefine) {
        const auto connection = lifecycle.open(record);
        const auto domain = define_machine(lifecycle, connection, record);
        if (!record.is_embedded()) {
            domain.set_autostart(record.autostart);
        }
        const auto status = domain.status();
        done.emplace_back(status && status->active()
                              ? "the domain was defined again; it takes effect at the next start"
                              : "the domain was defined again");
    }
    for (const auto& difference : differences) {
        done.push_back((difference.in_domain ? "mended: " : "cannot mend: ") + difference.what);
    }
    if (!record.backing.empty()) {
        lifecycle.store().add_reference(record.image, record.generation,
                                        {store::Holder::Kind::instance, record.name});
    }
    if (!record.is_remote()) {
        rewrite_files(lifecycle, record, done);
    }
    return done;
}

}  // namespace imgforge::lifecycle
