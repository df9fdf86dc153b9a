// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/root_disk.hpp"

// Changes of a machine's root disk: consolidate and respawn. Both make disk.qcow2.new, write the record that
// describes it, and only then rename it over disk.qcow2. Whoever finds a disk.qcow2.new later knows from the
// record whether to finish or to drop it.

#include <algorithm>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/file.hpp"
#include "builder/base/random.hpp"
#include "builder/image/backing_chain.hpp"
#include "builder/image/qemu_img.hpp"
#include "pipelines/lifecycle/address.hpp"
#include "pipelines/lifecycle/block_job.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/ceph/ceph_changes.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/domain_check.hpp"
#include "pipelines/lifecycle/lazy/hydrate.hpp"
#include "pipelines/lifecycle/machine_files.hpp"

namespace imgforge::lifecycle {

void add_reference(store::Store& store, const MachineRecord& record) {
    if (!record.backing.empty() && (!record.ceph || store.find(record.image, record.generation))) {
        store.add_reference(record.image, record.generation, {store::Holder::Kind::instance, record.name});
    }
}

void keep_reference(store::Store& store, const MachineRecord& record) {
    store.remove_references({store::Holder::Kind::instance, record.name});
    add_reference(store, record);
}

void keep_addresses(Lifecycle& lifecycle, MachineRecord& record) {
    const auto connection = lifecycle.open(record);
    for (auto& nic : record.nics) {
        const auto leased = nic.network.ip ? std::vector<std::string>() : leased_addresses(connection, nic);
        const auto v4 = std::find_if(leased.begin(), leased.end(),
                                     [](const std::string& address) { return is_ipv4(address); });
        if (v4 == leased.end()) {
            continue;
        }
        try {
            connection.reserve_address(libvirt_network(nic.network), nic.network.mac.value_or(""),
                                       record.name, *v4);
            nic.network.ip = *v4;
        } catch (const Error& error) {
            lifecycle.monitor().warning(
                fmt::format("machine '{}' may get another address: {}", record.name, error.message()));
        }
    }
}

namespace {

namespace fs = std::filesystem;

fs::path new_disk(const MachineRecord& record) {
    return record.disk.string() + ".new";
}

/// The chain below a disk of ours as its header says, canonical.
std::vector<fs::path> chain_below(const fs::path& disk) {
    std::vector<fs::path> files;
    for (const auto& link : image::read_backing_chain(disk, image::DiskFormat::qcow2)) {
        files.push_back(link.file);
    }
    files.erase(files.begin());
    return files;
}

std::vector<fs::path> canonical(const std::vector<fs::path>& files) {
    std::vector<fs::path> out;
    for (const auto& file : files) {
        out.push_back(fs::weakly_canonical(file));
    }
    return out;
}

void require_local(const MachineRecord& record, const char* what) {
    if (record.is_remote()) {
        throw Error(Failure::domain,
                    fmt::format("machine '{}' is on another host: {} works on machines of this host only",
                                record.name, what));
    }
}

bool runs(ConnectionPool& connections, const MachineRecord& record) {
    const auto domain = connections.open(record).find(record.uuid);
    const auto status = domain ? domain->status() : std::nullopt;
    return status && status->active();
}

/// Publishes disk.qcow2.new; the record describes it already.
void switch_disk(Lifecycle& lifecycle, const MachineRecord& record) {
    sync_file(new_disk(record));
    lifecycle.save(record);
    rename_durably(new_disk(record), record.disk);
    define_machine(lifecycle, lifecycle.open(record), record);
    keep_reference(lifecycle.store(), record);
}

void consolidate_running(Lifecycle& lifecycle, MachineRecord& record) {
    const auto connection = lifecycle.open(record);
    const auto domain = connection.find(record.uuid);
    Activity activity(lifecycle.monitor(), fmt::format("pull the golden image into {}", record.name));
    domain->start_block_pull("vda");
    await_job_end(lifecycle.host(), *domain,
                  {.target = "vda", .what = fmt::format("pulling the golden image into {}", record.name)},
                  activity);
    if (!chain_below(record.disk).empty()) {
        throw Error(
            Failure::domain,
            fmt::format("libvirt ended the copy for machine '{}' before it was complete", record.name),
            "the machine is unchanged; try again, or consolidate it while it is off");
    }
    record.backing.clear();
    lifecycle.save(record);
    define_machine(lifecycle, connection, record);
    keep_reference(lifecycle.store(), record);
}

void consolidate_stopped(Lifecycle& lifecycle, MachineRecord& record) {
    Activity activity(lifecycle.monitor(), fmt::format("copy the root disk of {}", record.name));
    remove_tree(new_disk(record));
    image::qemu_img::run_convert(lifecycle.processes(), {.from = record.disk, .to = new_disk(record)},
                                 [&](double percent) { activity.progress(percent, 100); });
    fs::permissions(new_disk(record), fs::perms::owner_read | fs::perms::owner_write);
    record.backing.clear();
    switch_disk(lifecycle, record);
}

}  // namespace

bool settle_root_disk(Lifecycle& lifecycle, MachineRecord& record) {
    if (record.ceph) {
        return settle_in_pool(lifecycle, record);
    }
    if (record.is_remote() || !fs::exists(new_disk(record))) {
        return false;
    }
    bool complete = false;
    try {
        complete = chain_below(new_disk(record)) == canonical(record.backing) &&
                   chain_below(record.disk) != canonical(record.backing);
    } catch (const Error&) {
        complete = false;  // an unfinished file is not an image
    }
    if (complete) {
        require_intact(lifecycle, record, "finishing an interrupted change of its root disk", {});
        switch_disk(lifecycle, record);
    } else {
        remove_tree(new_disk(record));
        keep_reference(lifecycle.store(), record);
    }
    return true;
}

bool consolidate_machine(Lifecycle& lifecycle, std::string_view name, const Drop& drop) {
    auto [record, lock] = lifecycle.hold(name);
    if (record.ceph) {
        settle_root_disk(lifecycle, record);
        return consolidate_in_pool(lifecycle, record);
    }
    require_local(record, "consolidate");
    require_complete(record, "consolidate");
    require_intact(lifecycle, record, "consolidating it", drop);
    settle_root_disk(lifecycle, record);
    if (record.backing.empty()) {
        return false;
    }
    runs(lifecycle, record) ? consolidate_running(lifecycle, record) : consolidate_stopped(lifecycle, record);
    return true;
}

RespawnResult respawn_machine(Lifecycle& lifecycle, std::string_view name, const std::string& image_spec,
                              std::chrono::milliseconds timeout, const Drop& drop) {
    auto [record, lock] = lifecycle.hold(name);
    if (!record.ceph) {
        require_local(record, "respawn");
    }
    require_complete(record, "respawn");
    require_intact(lifecycle, record, "respawning it", drop);
    settle_root_disk(lifecycle, record);
    if (record.ceph) {
        return respawn_in_pool(lifecycle, record, image_spec, timeout, drop);
    }
    auto& store = lifecycle.store();
    const auto generation = store.resolve(image_spec.empty() ? record.image : image_spec);
    store.require_usable(generation);
    RespawnResult result{record.generation, generation.generation};
    const store::Holder holder{store::Holder::Kind::instance, record.name};
    store.add_reference(generation.image, generation.generation, holder);
    const bool was_overlay = !record.backing.empty();
    MachineSource source;
    source.chain = image_chain(store, generation);
    source.mode = was_overlay ? DiskMode::overlay : DiskMode::copy;
    const ByteSize old_size = image::virtual_size(record.disk, image::DiskFormat::qcow2);
    source.disk_size = std::max(old_size, generation.virtual_size);
    remove_tree(new_disk(record));
    make_root_disk(lifecycle.processes(), new_disk(record), source);
    keep_addresses(lifecycle, record);
    result.was_running = stop_held(lifecycle, record, timeout) != Stopped::was_off;
    record.image = generation.image;
    record.generation = generation.generation;
    record.backing = was_overlay ? source.chain : std::vector<fs::path>();
    record.generation_id = random_uuid();
    switch_disk(lifecycle, record);
    if (result.was_running) {
        start_domain(lifecycle, lifecycle.open(record), record);
    }
    return result;
}

}  // namespace imgforge::lifecycle
