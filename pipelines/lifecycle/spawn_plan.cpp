// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/spawn_plan.hpp"

#include <algorithm>
#include <array>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/virt/domain_xml.hpp"
#include "builder/virt/xml_override.hpp"
#include "pipelines/lifecycle/machine_domain.hpp"
#include "pipelines/lifecycle/preflight.hpp"
#include "templates/distribution.hpp"

namespace imgforge::lifecycle {
namespace {

/// What libosinfo calls the distributions (osinfo-query os); `{}` is the version.
constexpr std::array os_ids{std::pair("debian", "http://debian.org/debian/{}"),
                            std::pair("ubuntu", "http://ubuntu.com/ubuntu/{}"),
                            std::pair("fedora", "http://fedoraproject.org/fedora/{}"),
                            std::pair("rocky", "http://rockylinux.org/rocky/{}"),
                            std::pair("alma", "http://almalinux.org/almalinux/{}"),
                            std::pair("centos-stream", "http://centos.org/centos-stream/{}"),
                            std::pair("rhel", "http://redhat.com/rhel/{}"),
                            std::pair("tumbleweed", "http://opensuse.org/opensuse/tumbleweed"),
                            std::pair("arch", "http://archlinux.org/archlinux/rolling")};

/// "debian13" -> "http://debian.org/debian/13", "ubuntu2404" -> ".../24.04"; empty when no such id exists.
std::string os_id_of(const std::string& os) {
    const std::size_t digits = std::min(os.find_first_of("0123456789"), os.size());
    std::string version = os.substr(digits);
    if (os.starts_with("ubuntu") && version.size() == 4) {
        version.insert(2, ".");
    }
    for (const auto& [name, pattern] : os_ids) {
        const std::string_view id = pattern;
        const bool versioned = id.find("{}") != std::string_view::npos;
        if (os.substr(0, digits) == name && versioned == !version.empty()) {
            return fmt::format(fmt::runtime(id), version);
        }
    }
    return {};
}

void take_wishes(const Host& host, const SpawnOptions& options, MachineRecord& record) {
    // A warm template keeps the hardware it was frozen with.
    record.hardware = options.warm ? 0 : current_hardware;
    record.size = options.size.empty() ? host.settings.default_size : options.size;
    record.hostname = options.hostname;
    record.published = options.published;
    record.protect = options.protect;
    record.graphics = options.graphics;
    record.xml = options.xml;
    record.spool = options.spool;
    record.lab = options.lab;
    record.lab_digest = options.lab_digest;
    if (options.ttl) {
        record.expires = host.clock->wall_seconds() + options.ttl->count();
    }
    for (const auto& text : record.xml) {
        virt::check_xml_override(text);
    }
}

}  // namespace

Login choose_login(const std::string& os, const std::string& wanted) {
    std::string images_own;
    std::optional<ProcessorLevel> processor;
    for (const auto& row : templates::distributions()) {
        if (row.name == os) {
            images_own = row.login_user;
            processor = row.processor;
        }
    }
    if (!wanted.empty()) {
        return {wanted, wanted == images_own, processor, os};
    }
    return images_own.empty() ? Login{"imgforge", false, processor, os}
                              : Login{images_own, true, processor, os};
}

void set_login(const Login& login, MachineRecord& record) {
    record.user = login.user;
    record.os_id = os_id_of(login.os);
    record.processor = login.processor;
}

MachineSize size_of(const Host& host, const SpawnOptions& options) {
    MachineSize size =
        machine_size(host.settings, options.size.empty() ? host.settings.default_size : options.size);
    size.memory = options.memory.value_or(size.memory);
    size.vcpus = options.vcpus.value_or(size.vcpus);
    if (options.disk) {
        size.disk = options.disk;
    }
    return size;
}

MachineRecord common_record(const Host& host, const SpawnOptions& options,
                            const store::Generation& generation, const Placement& placement) {
    const MachineSize size = size_of(host, options);
    MachineRecord record;
    record.image = generation.image;
    record.generation = generation.generation;
    record.connection = placement.connection;
    record.host = placement.host;
    record.pool = placement.pool;
    for (const auto& network : options.networks.empty()
                                   ? default_networks(host.settings, placement.embedded())
                                   : options.networks) {
        record.nics.push_back({network});
    }
    record.memory = size.memory;
    record.vcpus = size.vcpus;
    record.firmware = options.firmware;
    record.tpm = options.tpm;
    record.cpu = options.cpu;
    record.autostart = options.autostart;
    record.ephemeral = options.ephemeral;
    record.warm = options.warm;
    record.comment = options.comment;
    record.shares = options.shares;
    take_wishes(host, options, record);
    for (const auto disk : options.data_disks) {
        record.data_disks.push_back({{}, "qcow2", disk});
    }
    record.created = host.clock->wall_seconds();
    return record;
}

void add_taken(Lifecycle& lifecycle, const Placement& placement, ReservationRequest& request) {
    if (placement.embedded()) {
        return;
    }
    const auto connection = lifecycle.open_uri(placement.connection);
    const std::set<std::string> ours = lifecycle.reservations().uuids();
    for (const auto& row : connection.domains()) {
        request.taken_names.insert(row.name);
        if (ours.count(row.uuid) != 0) {
            continue;  // its MACs are reserved; to read them from its XML would make each spawn dearer than
                       // the one before
        }
        if (const auto domain = connection.find(row.uuid)) {
            for (const auto& mac : virt::read_domain_xml(domain->xml(true)).macs) {
                request.taken_macs.insert(mac);
            }
        }
    }
}

void check_options(const SpawnOptions& options, const MachineRecord& record, const Placement& placement) {
    for (const auto& nic : record.nics) {
        if (placement.embedded() && nic.network.kind != NetworkSpec::Kind::user) {
            throw Error(Failure::usage,
                        fmt::format("the embedded driver has no network '{}'", nic.network.text()),
                        "use --network user, or --connect qemu:///system");
        }
        if (options.count > 1 && (nic.network.mac || nic.network.ip)) {
            throw Error(Failure::usage, "a fixed MAC or IP fits one machine only",
                        "leave it out, or spawn them one by one");
        }
    }
    if (options.count > 1 && (!options.published.empty() || !options.hostname.empty())) {
        throw Error(Failure::usage, "a published port or a host name fits one machine only",
                    "leave it out, or spawn them one by one");
    }
    if (!options.start && options.wait != Wait::none) {
        throw Error(Failure::usage, "a machine that is not started gives no signal",
                    "use --wait none with --no-start");
    }
    if (!options.storage.empty() && (options.mode != DiskMode::overlay || options.warm)) {
        throw Error(Failure::usage,
                    "a root disk in a Ceph pool is a clone: --copy, --thick and --warm do not apply",
                    "leave them out; imgforge consolidate makes the clone independent of its golden image");
    }
    const bool other = options.mode != DiskMode::overlay || options.warm || !options.storage.empty();
    if (!options.lazy.empty() && (other || !placement.pool.empty())) {
        throw Error(Failure::usage,
                    "--lazy makes an overlay on this host: --copy, --thick, --warm, --storage and another "
                    "host do not apply",
                    "leave them out, or pull the image first: imgforge images pull");
    }
    if (placement.pool.empty()) {
        return;
    }
    if (options.mode != DiskMode::overlay || !options.shares.empty()) {
        throw Error(Failure::usage, "on another host machines are overlays without shared directories",
                    "leave --copy, --thick and --share out");
    }
}

}  // namespace imgforge::lifecycle
