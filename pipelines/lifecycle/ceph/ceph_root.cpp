// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ceph/ceph_root.hpp"

#include <algorithm>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/base64.hpp"
#include "builder/base/error.hpp"
#include "builder/base/suggestion.hpp"
#include "pipelines/lifecycle/ceph/ceph_image.hpp"
#include "pipelines/targets/rbd_generations.hpp"
#include "pipelines/targets/target.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

ceph::PoolName named_pool(const Settings& settings, const std::string& storage) {
    const targets::NamedTarget target = targets::find_target(settings, storage);
    if (target.setting.kind != "rbd") {
        throw Error(Failure::usage,
                    fmt::format("'{}' is a target of kind {}: machines live in Ceph pools only", storage,
                                target.setting.kind),
                    "name a target with rbd:, or rbd:POOL:conf=FILE:id=USER; without --storage the disk is a "
                    "local file");
    }
    return targets::rbd_pool(target.setting);
}

Error not_in_pool(Lifecycle& lifecycle, const ceph::Pool& pool, const std::string& storage,
                  const store::ImageSpec& spec, const std::vector<targets::RbdGeneration>& there) {
    const std::string place = ceph::to_string(pool.name());
    const bool stored = lifecycle.store().current(spec.name).has_value();
    const std::string push = fmt::format("imgforge images push {} {}", spec.name, storage);
    if (there.empty()) {
        const std::string hint =
            stored ? push : fmt::format("imgforge images targets {} lists what is there", storage);
        return {Failure::usage,
                fmt::format("{} has no image '{}'{}", place, spec.name,
                            did_you_mean(spec.name, targets::rbd_images(pool))),
                hint};
    }
    if (!spec.generation) {
        return {Failure::usage, fmt::format("image '{}' has no current generation in {}", spec.name, place),
                fmt::format("imgforge images promote {}@{}", spec.name, there.back().generation)};
    }
    std::vector<int> numbers;
    for (const auto& one : there) {
        numbers.push_back(one.generation);
    }
    return {Failure::usage, fmt::format("{2} does not have {0}@{1}", spec.name, *spec.generation, place),
            fmt::format("it has {}; {}@{} brings another", fmt::join(numbers, ", "), push, *spec.generation)};
}

}  // namespace

PoolGeneration find_in_pool(Lifecycle& lifecycle, const std::string& storage, const std::string& image) {
    const store::ImageSpec spec = store::parse_image_spec(image);
    const ceph::Pool pool(named_pool(lifecycle.settings(), storage));
    const auto there = targets::rbd_generations(pool, spec.name);
    const auto found = std::find_if(there.begin(), there.end(), [&](const targets::RbdGeneration& one) {
        return spec.generation ? one.generation == *spec.generation : one.current;
    });
    if (found == there.end()) {
        throw not_in_pool(lifecycle, pool, storage, spec, there);
    }
    PoolGeneration result{.pool = pool.name(), .os = found->os};
    result.generation.image = spec.name;
    result.generation.generation = found->generation;
    result.generation.sha256 = found->sha256;
    result.generation.virtual_size = ByteSize::bytes(found->size);
    if (const auto stored = lifecycle.store().find(spec.name, found->generation);
        stored && stored->sha256 == found->sha256) {
        lifecycle.store().require_usable(*stored);
        result.generation = *stored;
        result.stored = true;
    }
    return result;
}

fs::path ceph_disk(const ceph::PoolName& pool, const std::string& image) {
    return fmt::format("rbd:{}/{}", pool.pool, image);
}

fs::path ceph_backing(const PoolGeneration& from) {
    return fmt::format("rbd:{}/{}@{}", from.pool.pool, from.generation.image,
                       targets::snapshot_name(from.generation.generation));
}

std::string ceph_image(const MachineRecord& record) {
    const std::string& disk = record.disk.native();
    return disk.starts_with("rbd:") ? disk.substr(disk.find('/') + 1) : std::string();
}

std::string qemu_disk(const MachineRecord& record) {
    const ceph::PoolName pool = ceph::parse_pool_name(record.ceph->pool);
    return fmt::format("{}:conf={}:id={}", record.disk.string(), pool.conf.string(), pool.user);
}

std::string ceph_staging(const MachineRecord& record) {
    return "imgforge-" + record.uuid;
}

bool is_machine_image(const ceph::Pool& pool, const std::string& image, const MachineRecord& record) {
    return !image.empty() && pool.has_image(image) &&
           pool.open_read_only(image).metadata(ceph_machine_key) == record.uuid;
}

void make_ceph_root(ceph::Pool& pool, const PoolGeneration& from, ByteSize size, MachineRecord& record) {
    const std::string staging = ceph_staging(record);
    if (pool.has_image(record.name)) {
        throw Error(Failure::domain,
                    fmt::format("pool {} has an image '{}' already", pool.name().pool, record.name),
                    "another host or tool made it; choose another name for the machine");
    }
    pool.clone(from.generation.image, targets::snapshot_name(from.generation.generation), staging);
    {
        ceph::PoolImage image = pool.open(staging);
        image.set_metadata(ceph_machine_key, record.uuid);
        if (size.in_bytes() > image.size()) {
            image.resize(size.in_bytes());
        }
    }
    pool.rename_image(staging, record.name);
    record.disk = ceph_disk(pool.name(), record.name);
    record.disk_format = "raw";
    record.backing = {ceph_backing(from)};
}

void remove_machine_image(Lifecycle& lifecycle, ceph::Pool& pool, const std::string& image) {
    {
        ceph::PoolImage opened = pool.open(image);
        for (const auto& snapshot : opened.snapshots()) {
            if (opened.is_protected(snapshot.name)) {
                opened.unprotect(snapshot.name);
            }
            opened.remove_snapshot(snapshot.name);
        }
    }
    // A killed QEMU is taken for alive until its watch ends, 30 s by default.
    std::string seen;
    wait_until(
        lifecycle.clock(), fmt::format("the end of all use of {}/{}", pool.name().pool, image),
        std::chrono::seconds(60),
        [&] {
            try {
                pool.remove_image(image);
                return true;
            } catch (const Error& error) {
                if (error.kind() != Failure::domain) {
                    throw;
                }
                seen = error.message();
                return false;
            }
        },
        [&] { return seen; }, std::chrono::milliseconds(500));
}

void remove_ceph_root(Lifecycle& lifecycle, const MachineRecord& record) {
    if (!record.ceph) {
        return;
    }
    ceph::Pool pool(ceph::parse_pool_name(record.ceph->pool));
    // Of no mark, but of a name that nobody else gives: this machine's, whose making ended early.
    if (const std::string staging = ceph_staging(record); pool.has_image(staging)) {
        remove_machine_image(lifecycle, pool, staging);
    }
    const std::string known = ceph_image(record);
    const std::string& image = known.empty() ? record.name : known;
    if (is_machine_image(pool, image, record)) {
        remove_machine_image(lifecycle, pool, image);
    }
}

std::string ceph_secret_name(const ceph::Pool& pool, bool embedded) {
    if (!pool.login_key()) {
        return {};
    }
    if (!embedded) {
        return fmt::format("imgforge client.{} of {}", pool.name().user, pool.cluster_id());
    }
    if (pool.name().user != "admin") {
        throw Error(
            Failure::host,
            fmt::format("on the embedded driver disks in Ceph are opened as client.admin, not as client.{}",
                        pool.name().user),
            "use --connect qemu:///system, whose libvirt keeps the user's key");
    }
    return {};
}

void keep_ceph_login(const virt::Connection& connection, const MachineRecord& record) {
    if (!record.ceph || record.ceph->secret.empty()) {
        return;
    }
    const ceph::Pool pool(ceph::parse_pool_name(record.ceph->pool));
    const auto key = base64_decode(pool.login_key().value_or(""));
    if (!key || key->empty()) {
        throw Error(Failure::host, fmt::format("the key of client.{} is not base64", pool.name().user),
                    "write its keyring again: ceph auth get");
    }
    connection.keep_ceph_secret(record.ceph->secret, *key);
}

void check_ceph_in_qemu(Lifecycle& lifecycle) {
    // Its list of formats names the modules that are not installed, too: only opening something tells. The
    // empty configuration names no monitor, so that nothing is asked.
    ProcessSpec look{.program = "qemu-img",
                     .args = {"info", "--image-opts", "driver=rbd,pool=none,image=none,conf=/dev/null"}};
    look.timeout = std::chrono::seconds(30);
    if (lifecycle.processes().run(look).err.find("Unknown driver") != std::string::npos) {
        throw Error(Failure::host, "QEMU on this host cannot open images of a Ceph pool",
                    "apt install qemu-block-extra");
    }
}

}  // namespace imgforge::lifecycle
