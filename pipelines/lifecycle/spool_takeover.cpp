// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spool_takeover.hpp"

#include <sys/stat.h>

#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/image/image_lock.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/spool_guard.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

struct Owner {
    std::string host;
    fs::path instances;
};

Owner read_owner(const fs::path& file) {
    std::istringstream in(read_file(file, 4096));
    Owner owner;
    std::string instances;
    std::getline(in, owner.host);
    std::getline(in, instances);
    owner.instances = instances;
    return owner;
}

MachineRecord read_record_of(const Owner& owner, const std::string& name) {
    const fs::path file = owner.instances / name / "instance.json";
    if (owner.instances.empty() || !fs::is_regular_file(file)) {
        throw Error(Failure::host,
                    fmt::format("its disks cannot be reached from here: no {}", file.string()));
    }
    MachineRecord record = machine_record(parse_json(read_file(file), file.string()), file.string());
    if (record.name != name || record.state != RecordState::ready) {
        throw Error(Failure::integrity,
                    fmt::format("{} is not the record of machine '{}'", file.string(), name));
    }
    return record;
}

void copy_whole(const Host& host, const fs::path& from, const fs::path& to) {
    image::require_unused(from, true);
    image::qemu_img::run_convert(*host.processes, {.from = from, .to = to});
    fs::permissions(to, fs::perms::owner_read | fs::perms::owner_write);
}

/// Its files in this store, and the record that describes them.
MachineRecord brought_here(Lifecycle& lifecycle, MachineRecord record) {
    const fs::path folder = lifecycle.folder(record.name);
    if (mkdir(folder.c_str(), 0711) != 0) {
        throw system_error("create", folder.string(), errno);
    }
    copy_whole(lifecycle.host(), record.disk, folder / "disk.qcow2");
    for (auto& disk : record.data_disks) {
        const fs::path copy = folder / disk.path.filename();
        copy_whole(lifecycle.host(), disk.path, copy);
        disk.path = copy;
    }
    for (auto* file : {&record.seed}) {
        if (!file->empty()) {
            copy_file_fast(*file, folder / file->filename(), 0600);
            *file = folder / file->filename();
        }
    }
    std::string known_hosts;
    for (const auto& key : record.host_keys) {
        known_hosts += known_hosts_line(record.name, key);
    }
    write_file_atomically(folder / "known_hosts", known_hosts);
    record.disk = folder / "disk.qcow2";
    record.backing.clear();
    record.connection = lifecycle.choice().embedded() ? "qemu:///embed" : lifecycle.choice().uri;
    record.host.clear();
    return record;
}

void take_one(Lifecycle& lifecycle, const SpoolFolder& folder, const std::string& name, const Owner& owner,
              const std::string& host) {
    const MachineLock lock =
        MachineLock::acquire(lifecycle.places().instances(), name, std::chrono::seconds(10));
    if (lifecycle.reservations().find(name)) {
        throw Error(Failure::domain, "this host has a machine of that name");
    }
    const MachineRecord old = read_record_of(owner, name);
    if (old.spool != fs::weakly_canonical(folder.root)) {
        throw Error(Failure::domain, "it was not made through this spool");
    }
    MachineRecord record;
    try {
        record = brought_here(lifecycle, old);
        if (!lifecycle.reservations().adopt(record)) {
            throw Error(Failure::domain, "its MAC, UUID or port belongs to another machine of this host");
        }
    } catch (...) {
        remove_tree(lifecycle.folder(name));
        throw;
    }
    lifecycle.save(record);
    define_machine(lifecycle, lifecycle.open(record), record, Definition::fresh);
    write_file_atomically(folder.owner(name),
                          fmt::format("{}\n{}\n", host, lifecycle.places().instances().string()));
}

}  // namespace

std::vector<TakenOver> take_over(Lifecycle& lifecycle, const SpoolFolder& folder,
                                 const std::string& dead_host, const std::string& host) {
    if (dead_host == host) {
        throw Error(Failure::usage, fmt::format("'{}' is this host itself", host));
    }
    folder.create();
    std::vector<TakenOver> result;
    for (const auto& entry : fs::directory_iterator(folder.root / "inst")) {
        if (entry.path().extension() != ".host") {
            continue;
        }
        const std::string name = entry.path().stem().string();
        require_plain_file(entry.path(), folder.root);
        const Owner owner = read_owner(entry.path());
        if (owner.host != dead_host) {
            continue;
        }
        try {
            take_one(lifecycle, folder, name, owner, host);
            result.push_back({name, true, fmt::format("from {}", owner.instances.string())});
        } catch (const Error& error) {
            result.push_back({name, false, error.message()});
        }
    }
    return result;
}

}  // namespace imgforge::lifecycle
