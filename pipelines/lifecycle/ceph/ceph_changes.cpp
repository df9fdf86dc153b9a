// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ceph/ceph_changes.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/ceph/ceph_image.hpp"
#include "pipelines/lifecycle/ceph/ceph_root.hpp"
#include "pipelines/lifecycle/control.hpp"
#include "pipelines/lifecycle/root_disk.hpp"
#include "pipelines/targets/rbd_generations.hpp"

namespace imgforge::lifecycle {
namespace {

std::string description_key(const std::string& snapshot) {
    return "imgforge.snapshot." + snapshot;
}

ceph::Pool pool_of_machine(const MachineRecord& record) {
    return ceph::Pool(ceph::parse_pool_name(record.ceph->pool));
}

void refuse_lost_snapshots(const MachineRecord& record, const ceph::Pool& pool, const Drop& drop) {
    std::vector<std::string> names;
    for (const auto& snapshot : pool.open_read_only(ceph_image(record)).snapshots()) {
        names.push_back(snapshot.name);
    }
    if (!names.empty() && !drop.snapshots) {
        throw Error(
            Failure::integrity,
            fmt::format(
                "the root disk of machine '{}' holds snapshots ({}), which respawning it would destroy",
                record.name, fmt::join(names, ", ")),
            fmt::format("imgforge snapshots {} shows them; --drop-snapshots throws them away", record.name));
    }
}

/// The old disk goes, the new one takes its name. What a kill leaves in between, settle_in_pool() finishes.
void take_new_root(Lifecycle& lifecycle, ceph::Pool& pool, const MachineRecord& record) {
    const std::string image = ceph_image(record);
    if (is_machine_image(pool, image, record)) {
        remove_machine_image(lifecycle, pool, image);
    }
    pool.rename_image(ceph_staging(record), image);
}

void make_new_root(Lifecycle& lifecycle, ceph::Pool& pool, const PoolGeneration& from,
                   const MachineRecord& record, const std::string& generation_id) {
    const std::string staging = ceph_staging(record);
    if (pool.has_image(staging)) {
        remove_machine_image(lifecycle, pool, staging);
    }
    const std::uint64_t old_size = pool.open_read_only(ceph_image(record)).size();
    pool.clone(from.generation.image, targets::snapshot_name(from.generation.generation), staging);
    ceph::PoolImage image = pool.open(staging);
    if (old_size > image.size()) {
        image.resize(old_size);
    }
    if (record.backing.empty()) {
        Activity activity(lifecycle.monitor(), fmt::format("copy the golden image for {}", record.name));
        image.flatten([&](std::uint64_t done, std::uint64_t total) {
            activity.progress(static_cast<double>(done), static_cast<double>(total), "items");
        });
    }
    image.set_metadata(ceph_machine_key, record.uuid);
    image.set_metadata(ceph_change_key, generation_id);
}

}  // namespace

bool settle_in_pool(Lifecycle& lifecycle, const MachineRecord& record) {
    ceph::Pool pool = pool_of_machine(record);
    const std::string staging = ceph_staging(record);
    if (!pool.has_image(staging)) {
        return false;
    }
    // The record names the new root by its generation ID from the moment on when the old one may go.
    if (pool.open_read_only(staging).metadata(ceph_change_key) == record.generation_id) {
        take_new_root(lifecycle, pool, record);
    } else {
        remove_machine_image(lifecycle, pool, staging);
    }
    return true;
}

bool consolidate_in_pool(Lifecycle& lifecycle, MachineRecord& record) {
    ceph::Pool pool = pool_of_machine(record);
    ceph::PoolImage image = pool.open(ceph_image(record));
    if (image.parent()) {
        Activity activity(lifecycle.monitor(), fmt::format("copy the golden image into {}", record.name));
        image.flatten([&](std::uint64_t done, std::uint64_t total) {
            activity.progress(static_cast<double>(done), static_cast<double>(total), "items");
        });
    } else if (record.backing.empty()) {
        return false;
    }
    record.backing.clear();
    lifecycle.save(record);
    keep_reference(lifecycle.store(), record);
    return true;
}

RespawnResult respawn_in_pool(Lifecycle& lifecycle, MachineRecord& record, const std::string& image_spec,
                              std::chrono::milliseconds timeout, const Drop& drop) {
    const PoolGeneration from =
        find_in_pool(lifecycle, record.ceph->pool, image_spec.empty() ? record.image : image_spec);
    RespawnResult result{record.generation, from.generation.generation};
    ceph::Pool pool(from.pool);
    refuse_lost_snapshots(record, pool, drop);
    if (from.stored) {
        lifecycle.store().add_reference(from.generation.image, from.generation.generation,
                                        {store::Holder::Kind::instance, record.name});
    }
    const std::string generation_id = random_uuid();
    make_new_root(lifecycle, pool, from, record, generation_id);
    keep_addresses(lifecycle, record);
    result.was_running = stop_held(lifecycle, record, timeout) != Stopped::was_off;
    record.image = from.generation.image;
    record.generation = from.generation.generation;
    if (!record.backing.empty()) {
        record.backing = {ceph_backing(from)};
    }
    record.generation_id = generation_id;
    lifecycle.save(record);
    take_new_root(lifecycle, pool, record);
    const auto connection = lifecycle.open(record);
    define_machine(lifecycle, connection, record);
    keep_reference(lifecycle.store(), record);
    if (result.was_running) {
        start_domain(lifecycle, connection, record);
    }
    return result;
}

ByteSize size_in_pool(const MachineRecord& record) {
    return ByteSize::bytes(pool_of_machine(record).open_read_only(ceph_image(record)).size());
}

void resize_in_pool(const MachineRecord& record, ByteSize size) {
    pool_of_machine(record).open(ceph_image(record)).resize(size.in_bytes());
}

void snapshot_in_pool(const MachineRecord& record, const std::string& snapshot,
                      const std::string& description) {
    ceph::PoolImage image = pool_of_machine(record).open(ceph_image(record));
    if (!description.empty()) {
        image.set_metadata(description_key(snapshot), description);
    }
    image.create_snapshot(snapshot);
}

std::vector<virt::SnapshotInfo> snapshots_in_pool(const MachineRecord& record) {
    const ceph::Pool pool = pool_of_machine(record);
    const ceph::PoolImage image = pool.open_read_only(ceph_image(record));
    std::vector<virt::SnapshotInfo> list;
    for (const auto& snapshot : image.snapshots()) {
        list.push_back({.name = snapshot.name,
                        .description = image.metadata(description_key(snapshot.name)).value_or(""),
                        .parent = list.empty() ? "" : list.back().name,
                        .created = snapshot.created,
                        .state = "disk-snapshot"});
    }
    return list;
}

void restore_in_pool(const MachineRecord& record, const std::string& snapshot) {
    pool_of_machine(record).open(ceph_image(record)).roll_back_to(snapshot);
}

void delete_snapshot_in_pool(const MachineRecord& record, const std::string& snapshot) {
    ceph::PoolImage image = pool_of_machine(record).open(ceph_image(record));
    if (image.is_protected(snapshot)) {
        image.unprotect(snapshot);
    }
    image.remove_snapshot(snapshot);
    image.remove_metadata(description_key(snapshot));
}

void copy_in_pool(const MachineRecord& origin, MachineRecord& made, const std::string& snapshot) {
    ceph::Pool pool = pool_of_machine(origin);
    const std::string staging = ceph_staging(made);
    if (pool.has_image(made.name)) {
        throw Error(Failure::domain,
                    fmt::format("pool {} has an image '{}' already", pool.name().pool, made.name),
                    "another host or tool made it; choose another name for the machine");
    }
    pool.copy_image(ceph_image(origin), staging);
    {
        ceph::PoolImage image = pool.open(staging);
        image.set_metadata(ceph_machine_key, made.uuid);
        if (!snapshot.empty()) {
            image.roll_back_to(snapshot);
        }
        for (const auto& one : image.snapshots()) {
            if (image.is_protected(one.name)) {
                image.unprotect(one.name);
            }
            image.remove_snapshot(one.name);
        }
    }
    pool.rename_image(staging, made.name);
    made.disk = ceph_disk(pool.name(), made.name);
}

}  // namespace imgforge::lifecycle
