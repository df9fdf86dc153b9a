// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/rename.hpp"

// Another name. The directory goes first: a record whose directory is missing while the other directory holds
// the record of the same machine is a rename that was interrupted.
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/virt/domain_takeover.hpp"
#include "pipelines/lifecycle/access.hpp"
#include "pipelines/lifecycle/clone.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/machine_name.hpp"
#include "pipelines/lifecycle/root_disk.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// A path below the old directory as it is called below the new one.
fs::path moved(const fs::path& path, const fs::path& from, const fs::path& to) {
    const std::string prefix = from.native() + "/";
    return path.native().rfind(prefix, 0) == 0 ? to / path.native().substr(prefix.size()) : path;
}

MachineRecord renamed(const InstanceLayout& layout, MachineRecord record, const std::string& new_name) {
    const fs::path from = layout.folder(record.name);
    const fs::path to = layout.folder(new_name);
    // The guest goes on under the host name it has.
    record.hostname = record.hostname.empty() ? record.name : record.hostname;
    record.name = new_name;
    record.disk = moved(record.disk, from, to);
    record.seed = moved(record.seed, from, to);
    for (auto& disk : record.data_disks) {
        disk.path = moved(disk.path, from, to);
    }
    return record;
}

void require_renamable(ConnectionPool& connections, const MachineRecord& record) {
    const auto refuse = [&](const std::string& why, const std::string& hint) {
        throw Error(Failure::domain, fmt::format("machine '{}' cannot be renamed: {}", record.name, why),
                    hint);
    };
    if (record.is_remote()) {
        refuse("it is on another host", "spawn a new one there");
    }
    if (record.lazy) {
        refuse("its disk is not complete", fmt::format("imgforge hydrate {}", record.name));
    }
    const auto domain = connections.open(record).find(record.uuid);
    if (!domain) {
        refuse("libvirt does not know it", fmt::format("imgforge show {} --repair", record.name));
    }
    const DomainReality reality = examine(record, *domain);
    if (reality.running) {
        refuse("it runs", fmt::format("imgforge stop {}", record.name));
    }
    if (reality.saved) {
        refuse("its memory is saved", fmt::format("imgforge start {} and stop it", record.name));
    }
    if (!reality.snapshots.empty()) {
        refuse("it has snapshots, which name its files", fmt::format("imgforge snapshots {}", record.name));
    }
    require_same_disks(record, reality);
}

/// The names of files that libvirt keeps inside an embedded root follow the domain's name by its own rename.
void rename_domain(Lifecycle& lifecycle, const MachineRecord& record, const fs::path& from) {
    const auto connection = lifecycle.open(record);
    const auto domain = connection.find(record.uuid);
    if (!domain) {
        return;
    }
    if (domain->name() != record.name) {
        domain->rename(record.name);
    }
    const auto present = connection.find(record.uuid);
    connection.define(
        virt::moved_domain_xml(present->xml(true), record.name, from, lifecycle.folder(record.name)));
}

void write_known_hosts(const InstanceLayout& layout, const MachineRecord& record) {
    std::string text;
    for (const auto& key : record.host_keys) {
        text += known_hosts_line(record.name, key);
    }
    write_file_atomically(layout.folder(record.name) / "known_hosts", text);
}

}  // namespace

void rename_machine(Lifecycle& lifecycle, std::string_view name, const std::string& new_name) {
    check_machine_name(new_name);
    auto [record, lock] = lifecycle.hold(name);
    const MachineLock other =
        MachineLock::acquire(lifecycle.places().instances(), new_name, std::chrono::seconds(10));
    const fs::path from = lifecycle.folder(record.name);
    const fs::path to = lifecycle.folder(new_name);
    if (lifecycle.reservations().find(new_name)) {
        throw Error(
            Failure::domain, fmt::format("the name '{}' is taken", new_name),
            "imgforge list --all shows all names; imgforge cleanup frees those of destroyed machines");
    }
    const bool interrupted = !fs::exists(from) && fs::exists(to / "instance.json");
    if (!interrupted) {
        require_renamable(lifecycle, record);
        if (fs::exists(to)) {
            throw Error(Failure::domain, fmt::format("{} exists already", to.string()),
                        "imgforge cleanup takes up or removes such directories");
        }
        rename_durably(from, to);
    }
    const std::string old_name = record.name;
    record = renamed(lifecycle, std::move(record), new_name);
    lifecycle.reservations().rename(old_name, record);
    lifecycle.save(record);
    rename_domain(lifecycle, record, from);
    write_known_hosts(lifecycle, record);
    add_reference(lifecycle.store(), record);
    lifecycle.store().remove_references({store::Holder::Kind::instance, old_name});
    refresh_ssh_config(lifecycle);
}

}  // namespace imgforge::lifecycle
