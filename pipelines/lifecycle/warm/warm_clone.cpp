// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/warm/warm_clone.hpp"

#include <algorithm>
#include <chrono>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/file.hpp"
#include "builder/base/random.hpp"
#include "builder/image/overlay.hpp"
#include "builder/virt/domain_retarget.hpp"
#include "builder/virt/domain_xml.hpp"
#include "builder/virt/save_image.hpp"
#include "pipelines/lifecycle/boot.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"
#include "pipelines/lifecycle/warm/guest_shell.hpp"
#include "pipelines/lifecycle/warm/identity_script.hpp"
#include "pipelines/lifecycle/warm/memory_file.hpp"
#include "pipelines/lifecycle/warm/network_script.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// A copy of the template's memory whose head describes this machine.
void make_memory(const virt::DomainSpec& spec, const WarmTemplate& from, const fs::path& file) {
    virt::SaveImageHead head = virt::read_save_image_head_of(from.memory());
    virt::Retarget target;
    target.name = spec.name;
    target.uuid = spec.uuid;
    target.generation_id = spec.generation_id;
    target.metadata = spec.metadata;
    target.disks[spec.disks.front().target] = spec.disks.front().path;
    const auto& console = spec.serials.front();
    target.console_socket = console.path;
    target.console_log = console.log;
    head.xml = virt::retarget_domain_xml(head.xml, target);
    virt::copy_save_image(from.memory(), file, head);
}

virt::Domain resume_saved(const virt::Connection& connection, const virt::DomainSpec& spec,
                          const WarmTemplate& from, const fs::path& memory) {
    make_memory(spec, from, memory);
    connection.restore(memory, "");
    remove_tree(memory);
    const auto domain = connection.find(spec.uuid);
    if (!domain) {
        throw Error(Failure::domain, fmt::format("machine '{}' ended as soon as it was restored", spec.name));
    }
    return *domain;
}

/// The machine with the devices that its template had when it was frozen, and no others.
virt::Domain resume_mapped(Lifecycle& lifecycle, const virt::Connection& connection,
                           const virt::DomainSpec& spec, const WarmTemplate& from) {
    virt::DomainSpec frozen = spec;
    if (!from.whole) {
        frozen.disks.resize(1);
        frozen.nics.clear();
    }
    use_memory_file(frozen, from.memory(), MemoryUse::map);
    const virt::Domain domain = connection.create_paused(virt::domain_xml(frozen));
    load_devices(lifecycle.clock(), domain, from.devices());
    if (from.whole) {
        join_network(domain);
    }
    domain.resume();
    return domain;
}

/// As any other machine: with a fresh overlay, as the copy has the identity of the template.
void start_cold(const virt::Connection& connection, const MachineRecord& record, ByteSize disk) {
    const auto domain = connection.find(record.uuid);
    if (!domain) {
        throw Error(Failure::domain, fmt::format("libvirt does not know machine '{}' any more", record.name));
    }
    domain->destroy();
    remove_tree(record.disk);
    image::OverlaySpec overlay{.overlay = record.disk, .backing = record.backing.front()};
    overlay.backing_name = fs::proximate(record.backing.front(), record.disk.parent_path()).string();
    overlay.virtual_size = disk;
    image::create_overlay(overlay);
    domain->start();
}

/// The domain goes on from the template's memory; nothing when it could not, and starts from its disk.
std::optional<virt::Domain> resume(Lifecycle& lifecycle, const virt::Connection& connection,
                                   const MachineRecord& record, const virt::DomainSpec& spec,
                                   const WarmTemplate& from) {
    try {
        return from.kind == TemplateKind::mapped
                   ? resume_mapped(lifecycle, connection, spec, from)
                   : resume_saved(connection, spec, from, lifecycle.folder(record.name) / "memory.warm");
    } catch (const Error& error) {
        lifecycle.monitor().warning(fmt::format(
            "machine '{}' cannot go on from the memory of the warm template and boots instead: {}",
            record.name, error.message()));
    }
    start_cold(connection, record, from.disk_size);
    return std::nullopt;
}

std::string wall_clock() {
    using namespace std::chrono;
    const auto now = duration_cast<milliseconds>(system_clock::now().time_since_epoch()).count();
    return fmt::format("{}.{:03}", now / 1000, now % 1000);
}

std::string fresh_machine_id() {
    std::string id = random_uuid();
    id.erase(std::remove(id.begin(), id.end(), '-'), id.end());
    return id;
}

CloneIdentity fresh_identity(const MachineRecord& record, const seeds::SeedSpec& seed) {
    constexpr std::size_t entropy_bytes = 64;
    const auto entropy = random_bytes(entropy_bytes);
    CloneIdentity identity;
    identity.hostname = record.name;
    identity.machine_id = fresh_machine_id();
    identity.boot_id = random_uuid();
    identity.user = record.user;
    identity.ssh_keys = seed.ssh_keys;
    identity.host_keys = seed.host_keys;
    identity.entropy.assign(entropy.begin(), entropy.end());
    return identity;
}

/// libvirt has no words for a user card with forwarded ports (DomainSpec gives it to QEMU itself), so neither
/// has hot-plug.
void plug_user_nic(const virt::Domain& domain, const virt::NicSpec& nic) {
    Json forwards = Json::array();
    for (const auto& forward : nic.forwards) {
        forwards.push_back({{"str", fmt::format("tcp:{}:{}-:{}", forward.host_address, forward.host_port,
                                                forward.guest_port)}});
    }
    domain.monitor({{"execute", "netdev_add"},
                    {"arguments", {{"type", "user"}, {"id", "imgforge-net0"}, {"hostfwd", forwards}}}});
    domain.monitor({{"execute", "device_add"},
                    {"arguments",
                     {{"driver", nic.model == "virtio" ? "virtio-net-pci" : nic.model},
                      {"id", "imgforge-nic0"},
                      {"netdev", "imgforge-net0"},
                      {"mac", nic.mac},
                      {"bus", fmt::format("pci.{}", nic.port.value_or(0))},
                      {"addr", "0x0"},
                      {"romfile", ""}}}});
}

void plug_nics(const virt::Domain& domain, const virt::DomainSpec& spec) {
    for (const auto& nic : spec.nics) {
        if (nic.kind == virt::NicSpec::Kind::user && !nic.forwards.empty()) {
            plug_user_nic(domain, nic);
        } else {
            domain.attach(virt::nic_xml(nic), false);
        }
    }
}

void run_step(Lifecycle& lifecycle, const virt::Domain& domain, const std::string& script,
              std::string_view what) {
    constexpr std::chrono::minutes timeout{3};
    const GuestRun run = run_when_agent_answers(lifecycle.clock(), domain, script, timeout);
    if (run.exit_code != 0) {
        throw Error(
            Failure::guest,
            fmt::format("machine '{}' could not be given {}: {}", domain.name(), what, run.last_words()),
            "spawn it without --warm");
    }
}

}  // namespace

void require_warm_possible(const SpawnOptions& options, const MachineRecord& record) {
    std::vector<std::string> reasons;
    const auto unless = [&](bool good, const char* reason) {
        if (!good) {
            reasons.emplace_back(reason);
        }
    };
    unless(options.start, "--no-start: it starts automatically");
    unless(options.mode == DiskMode::overlay, "--copy and --thick: its memory belongs to an overlay");
    unless(options.firmware == Firmware::bios,
           "--firmware: only bios keeps nothing outside of disk and memory");
    unless(!options.tpm, "--tpm: the TPM of the template would be shared");
    unless(options.shares.empty(), "--share: QEMU cannot save a machine with shared directories");
    unless(!options.network_config, "--network-config: its cards come up by DHCP");
    unless(!record.is_remote() && record.pool.empty(), "another host: templates are of this host");
    unless(record.nics.size() <= warm_nics, "more than four network cards");
    unless(record.data_disks.size() <= warm_data_disks, "more than three data disks");
    if (!reasons.empty()) {
        throw Error(Failure::usage, fmt::format("--warm does not go with {}", fmt::join(reasons, "; ")),
                    "leave it or --warm out");
    }
}

seeds::SeedSpec template_seed(seeds::SeedSpec common) {
    common.ssh_keys.clear();
    for (auto& user : common.users) {
        user.ssh_keys.clear();
    }
    common.user_data.reset();
    common.network_config.reset();
    return common;
}

void start_warm(Lifecycle& lifecycle, const virt::Connection& connection, const MachineRecord& record,
                const WarmTemplate& from, const seeds::SeedSpec& seed, std::optional<PortHold>& port) {
    const fs::path folder = lifecycle.folder(record.name);
    const virt::DomainSpec spec = machine_domain(record, folder, machine_accel(lifecycle, record));
    const std::optional<virt::Domain> resumed = resume(lifecycle, connection, record, spec, from);
    if (!resumed) {
        port.reset();
        return;
    }
    const virt::Domain& domain = *resumed;
    const std::string identity = identity_script(fresh_identity(record, seed), wall_clock());
    if (from.whole) {
        port.reset();
        run_step(lifecycle, domain, identity + network_script_of_whole(spec.nics.front().mac),
                 "an identity of its own");
        return;
    }
    run_step(lifecycle, domain, identity, "an identity of its own");
    for (std::size_t i = 1; i < spec.disks.size(); ++i) {
        domain.attach(virt::disk_xml(spec.disks[i]), false);
    }
    plug_nics(domain, spec);
    port.reset();
    std::vector<PluggedCard> cards;
    std::transform(spec.nics.begin(), spec.nics.end(), std::back_inserter(cards), [](const auto& nic) {
        return PluggedCard{nic.mac, nic.kind == virt::NicSpec::Kind::user};
    });
    run_step(lifecycle, domain, network_script(cards), "a network");
}

}  // namespace imgforge::lifecycle
