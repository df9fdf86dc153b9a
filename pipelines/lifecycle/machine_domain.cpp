// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/machine_domain.hpp"

#include <sys/un.h>

#include <fmt/format.h>

#include "builder/ceph/pool.hpp"

namespace imgforge::lifecycle {
namespace {

std::string disk_target(std::size_t index) {
    return std::string("vd") + static_cast<char>('a' + index);
}

/// Root first, then the data disks, the seed last: the guest's names follow this order, and /dev/vdb shall be
/// the first data disk.
std::vector<virt::DiskSpec> machine_disks(const MachineRecord& record) {
    std::vector<virt::DiskSpec> disks;
    virt::DiskSpec root{
        .path = record.disk, .format = record.disk_format, .target = disk_target(0), .boot_order = 1};
    if (record.ceph) {
        const ceph::PoolName pool = ceph::parse_pool_name(record.ceph->pool);
        root.ceph = virt::CephDisk{record.disk.native().substr(std::string_view("rbd:").size()), pool.conf,
                                   pool.user, record.ceph->secret};
    } else {
        for (const auto& path : record.backing) {
            root.backing.push_back({path, "qcow2"});
        }
        if (record.lazy) {
            root.backing.push_back({.path = {}, .format = "qcow2", .nbd_socket = record.lazy->socket});
            root.stop_on_error = true;
        }
    }
    if (record.ephemeral) {
        // Nobody will look at the disk after a crash of the host, so flushes are wasted time.
        root.cache = "unsafe";
    }
    disks.push_back(std::move(root));
    for (const auto& data : record.data_disks) {
        disks.push_back({.path = data.path, .format = data.format, .target = disk_target(disks.size())});
    }
    if (!record.seed.empty()) {
        // virtio, not a CD-ROM: Debian's cloud kernel has no SATA driver and would never see it.
        disks.push_back({.path = record.seed,
                         .format = "raw",
                         .target = disk_target(disks.size()),
                         .readonly = true,
                         .serial = "seed"});
    }
    return disks;
}

virt::NicSpec machine_nic(const Nic& nic, const std::optional<std::uint16_t>& forward,
                          const std::vector<PublishedPort>& published) {
    virt::NicSpec spec;
    spec.mac = nic.network.mac.value_or("");
    spec.model = nic.network.model;
    if (nic.network.vlan) {
        spec.vlan = static_cast<int>(*nic.network.vlan);
    }
    switch (nic.network.kind) {
        case NetworkSpec::Kind::user:
            spec.kind = virt::NicSpec::Kind::user;
            if (forward) {
                spec.forwards.push_back({"127.0.0.1", *forward, 22});
                for (const auto& port : published) {
                    spec.forwards.push_back({port.address, port.host_port, port.guest_port, port.protocol});
                }
            }
            break;
        case NetworkSpec::Kind::bridge:
            spec.kind = virt::NicSpec::Kind::bridge;
            spec.source = nic.network.name;
            break;
        case NetworkSpec::Kind::nat:
        case NetworkSpec::Kind::isolated:
        case NetworkSpec::Kind::network: spec.source = libvirt_network(nic.network); break;
    }
    return spec;
}

void add_nics(const MachineRecord& record, virt::DomainSpec& spec) {
    auto forward = record.ssh_port;
    for (const auto& nic : record.nics) {
        const bool user = nic.network.kind == NetworkSpec::Kind::user;
        spec.nics.push_back(machine_nic(nic, user ? forward : std::nullopt, record.published));
        if (user) {
            forward.reset();  // only the first one leads to SSH
        }
    }
}

/// Each device behind a PCIe port of its own takes one: disks, NICs, filesystems, and the agent's controller,
/// balloon and random numbers.
void set_hardware_1(const MachineRecord& record, virt::DomainSpec& spec) {
    constexpr int always = 3;
    spec.root_ports = always + spare_root_ports +
                      static_cast<int>(spec.disks.size() + spec.nics.size() + record.shares.size());
    spec.tuned_clock = true;
    spec.free_page_reporting = true;
    spec.panic_device = true;
}

std::string title_of(const MachineRecord& record) {
    return record.hostname.empty()
               ? fmt::format("{} ({}@{})", record.name, record.image, record.generation)
               : fmt::format("{} ({}@{})", record.hostname, record.image, record.generation);
}

void set_warm_ports(const MachineRecord& record, virt::DomainSpec& spec) {
    spec.root_ports = warm_root_ports;
    int data = warm_first_data_port;
    for (auto& disk : spec.disks) {
        if (disk.path == record.seed) {
            disk.port = warm_seed_port;
        } else if (disk.path != record.disk) {
            disk.port = data++;
        }
    }
    int card = warm_first_nic_port;
    for (auto& nic : spec.nics) {
        nic.port = card++;
    }
}

}  // namespace

std::filesystem::path console_socket(const std::filesystem::path& folder) {
    auto path = folder / "console.sock";
    return path.native().size() < sizeof(sockaddr_un::sun_path) ? path : std::filesystem::path();
}

virt::DomainSpec machine_domain(const MachineRecord& record, const std::filesystem::path& folder,
                                virt::DomainSpec::Accel accel) {
    virt::DomainSpec spec;
    spec.name = record.name;
    spec.uuid = record.uuid;
    spec.memory = record.memory;
    spec.vcpus = static_cast<int>(record.vcpus);
    spec.accel = accel;
    spec.cpu = record.cpu;
    spec.processor = record.processor;
    spec.firmware = record.firmware == Firmware::bios ? virt::DomainSpec::Firmware::bios
                                                      : virt::DomainSpec::Firmware::uefi;
    spec.secure_boot = record.firmware == Firmware::uefi_secure;
    spec.tpm = record.tpm;
    spec.disks = machine_disks(record);
    add_nics(record, spec);
    virt::CharacterSpec console{.kind = virt::CharacterSpec::Kind::pty, .append = true};
    if (!record.is_remote()) {
        console.log = folder / "console.log";
        if (const auto socket = console_socket(folder); !socket.empty()) {
            console.kind = virt::CharacterSpec::Kind::unix_socket;
            console.path = socket;
        }
    }
    spec.serials.push_back(console);
    spec.channels.push_back({"org.qemu.guest_agent.0", {.kind = virt::CharacterSpec::Kind::unix_socket}});
    for (const auto& share : record.shares) {
        const auto driver =
            share.virtiofs ? virt::FilesystemSpec::Driver::virtiofs : virt::FilesystemSpec::Driver::p9;
        spec.filesystems.push_back({driver, share.path, share.tag, share.read_only});
    }
    if (record.warm) {
        set_warm_ports(record, spec);
    } else if (record.hardware >= 1) {
        set_hardware_1(record, spec);
    }
    spec.graphics = record.graphics;
    spec.xml_overrides = record.xml;
    spec.os_id = record.os_id;
    spec.title = record.hardware >= 1 ? title_of(record) : "";
    spec.description = record.hardware >= 1 ? record.comment : "";
    spec.video = false;
    spec.generation_id = record.generation_id;
    spec.metadata = {{"image", record.image},
                     {"generation", std::to_string(record.generation)},
                     {"instance-id", record.instance_id}};
    return spec;
}

}  // namespace imgforge::lifecycle
