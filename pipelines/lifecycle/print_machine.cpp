// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/print_machine.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/ceph/ceph_root.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"
#include "pipelines/lifecycle/machine_files.hpp"
#include "pipelines/lifecycle/print_kubevirt.hpp"
#include "pipelines/lifecycle/spawn_plan.hpp"
#include "pipelines/store/image_os.hpp"

namespace imgforge::lifecycle {
namespace {

/// The record as it would be, with examples for what is only known once it is reserved.
MachineRecord example_record(Lifecycle& lifecycle, const SpawnOptions& options,
                             const store::Generation& generation, const std::optional<PoolGeneration>& pool) {
    const Placement placement{.connection =
                                  lifecycle.choice().embedded() ? "qemu:///embed" : lifecycle.choice().uri};
    MachineRecord record = common_record(lifecycle.host(), options, generation, placement);
    check_options(options, record, placement);
    set_login(choose_login(pool ? pool->os : store::image_os(generation), options.user), record);
    const std::string pattern = options.name.empty() ? generation.image : options.name;
    record.name = NamePattern(pattern, options.name.empty()).name(1);
    record.uuid = random_uuid();
    record.generation_id = random_uuid();
    record.instance_id = "i-example";
    unsigned number = 1;
    for (auto& nic : record.nics) {
        nic.network.mac = nic.network.mac.value_or(fmt::format("52:54:00:00:00:{:02x}", number++));
        if (nic.network.kind == NetworkSpec::Kind::user) {
            record.ssh_port = 22000;
        }
    }
    const auto folder = lifecycle.folder(record.name);
    if (pool) {
        record.ceph = CephRoot{ceph::to_string(pool->pool),
                               ceph_secret_name(ceph::Pool(pool->pool), placement.embedded())};
        record.disk = ceph_disk(pool->pool, record.name);
        record.backing = {ceph_backing(*pool)};
    } else {
        record.disk = folder / "disk.qcow2";
        record.backing = image_chain(lifecycle.store(), generation);
    }
    record.seed = folder / "seed.iso";
    for (std::size_t i = 0; i < record.data_disks.size(); ++i) {
        record.data_disks[i].path = folder / fmt::format("data-{}.qcow2", i + 1);
    }
    return record;
}

std::string nova(const MachineRecord& record, const SpawnOptions& options, ByteSize disk) {
    constexpr std::uint64_t gib = 1ULL << 30U;
    const std::string flavor = fmt::format("{}m-{}c", record.memory.in_mib(), record.vcpus);
    std::string text = fmt::format(
        "openstack image create --disk-format qcow2 --container-format bare --property hw_firmware_type={} "
        "--file {} {}\n"
        "openstack flavor create --ram {} --vcpus {} --disk {} {}\n"
        "openstack server create --image {} --flavor {}",
        record.firmware == Firmware::bios ? "bios" : "uefi", shell_quote(record.backing.front().string()),
        record.image, record.memory.in_mib(), record.vcpus, (disk.in_bytes() + gib - 1) / gib, flavor,
        record.image, flavor);
    text += options.user_data ? " --user-data " + shell_quote(options.user_data->string()) : "";
    return text + " " + record.name + "\n";
}

}  // namespace

std::string printed_machine(Lifecycle& lifecycle, const SpawnOptions& options, const std::string& kind) {
    if (!options.storage.empty() && kind != "libvirt") {
        throw Error(Failure::usage, fmt::format("--storage does not go with --print {}", kind),
                    "only libvirt's XML names a Ceph pool");
    }
    const auto pool = options.storage.empty()
                          ? std::nullopt
                          : std::optional(find_in_pool(lifecycle, options.storage, options.image));
    const auto generation = pool ? pool->generation : lifecycle.store().resolve(options.image);
    const MachineRecord record = example_record(lifecycle, options, generation, pool);
    if (kind == "libvirt") {
        return own_domain_xml(lifecycle, record);
    }
    if (kind == "kubevirt") {
        const bool own = choose_login(store::image_os(generation), options.user).images_own;
        const auto seed = named_seed(common_seed(lifecycle, options, record.user, own), record);
        const ByteSize disk = size_of(lifecycle.host(), options).disk.value_or(generation.virtual_size);
        return kubevirt_manifests(record, container_disk(lifecycle, generation), disk,
                                  seeds::seed_files(seed));
    }
    if (kind == "nova") {
        return nova(record, options,
                    size_of(lifecycle.host(), options).disk.value_or(generation.virtual_size));
    }
    throw Error(Failure::usage, fmt::format("'{}' is not a form a machine is printed in", kind),
                "libvirt, kubevirt or nova");
}

}  // namespace imgforge::lifecycle
