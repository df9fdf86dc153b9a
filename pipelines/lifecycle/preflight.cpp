// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/preflight.hpp"

#include <sys/stat.h>

#include <algorithm>
#include <fstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/base/sharing.hpp"
#include "builder/base/suggestion.hpp"
#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/network_subnet.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::lifecycle {
namespace {

namespace fs = std::filesystem;

/// True when libvirt's own configuration lets QEMU run as root (`user = "root"`): then modes do not matter.
bool system_qemu_is_root() {
    std::ifstream in("/etc/libvirt/qemu.conf");
    for (std::string line; std::getline(in, line);) {
        line.erase(std::remove_if(line.begin(), line.end(), [](char c) { return c == ' ' || c == '\t'; }),
                   line.end());
        if (line.rfind("user=\"root\"", 0) == 0 || line.rfind("user=\"+0\"", 0) == 0) {
            return true;
        }
    }
    return false;
}

std::vector<std::string> host_bridges() {
    std::vector<std::string> bridges;
    std::error_code missing;
    for (auto entry = fs::directory_iterator("/sys/class/net", missing);
         !missing && entry != fs::directory_iterator(); entry.increment(missing)) {
        if (fs::exists(entry->path() / "bridge", missing)) {
            bridges.push_back(entry->path().filename().string());
        }
    }
    return bridges;
}

void check_bridge(const NetworkSpec& spec) {
    const fs::path interface = fs::path("/sys/class/net") / spec.name;
    if (!fs::exists(interface)) {
        const auto bridges = host_bridges();
        throw Error(
            Failure::host,
            fmt::format("this host has no bridge '{}'{}", spec.name, did_you_mean(spec.name, bridges)),
            bridges.empty() ? "it has none at all; `--network nat` or `--network user` need none"
                            : fmt::format("bridges here: {}", fmt::join(bridges, ", ")));
    }
    // libvirt tags ports of Open vSwitch; of Linux bridges only from 11.0 on.
    constexpr unsigned long first_with_vlan_filtering = 11000000;
    unsigned long version = 0;
    virGetVersion(&version, nullptr, nullptr);
    if (spec.vlan && fs::exists(interface / "bridge") && version < first_with_vlan_filtering) {
        throw Error(Failure::host,
                    fmt::format("libvirt on this host cannot tag VLAN {} on the Linux bridge '{}'",
                                *spec.vlan, spec.name),
                    fmt::format("make a bridge on the VLAN itself (ip link add link {0} name {0}.{1} type "
                                "vlan id {1}) and use that, or Open vSwitch",
                                spec.name, *spec.vlan));
    }
}

using NetworkHandle = Handle<virNetwork, &virNetworkFree>;

/// libvirt itself reserves any address, and its dnsmasq then never hands it out.
void check_address(const virt::Connection& connection, const std::string& network, const NetworkSpec& spec) {
    virConnectPtr raw = connection.raw();
    const NetworkHandle handle(raw == nullptr ? nullptr : virNetworkLookupByName(raw, network.c_str()));
    const Handle<char, free> xml(handle ? virNetworkGetXMLDesc(handle.get(), 0) : nullptr);
    if (!spec.ip || !xml) {
        return;
    }
    if (const std::string problem = virt::address_problem(xml.get(), *spec.ip); !problem.empty()) {
        throw Error(
            Failure::usage,
            fmt::format("network '{}' cannot give a machine the address {}: {}", network, *spec.ip, problem),
            fmt::format("virsh -c {} net-dumpxml {} shows its subnet", connection.uri(), network));
    }
}

constexpr const char* isolated_network_xml =
    "<network><name>imgforge-isolated</name><bridge name='virbr-imgforge' stp='on' delay='0'/>"
    "<ip address='192.168.177.1' netmask='255.255.255.0'><dhcp><range start='192.168.177.2' "
    "end='192.168.177.254'/></dhcp></ip></network>";

void define_isolated(const virt::Connection& connection) {
    virConnectPtr raw = connection.raw();
    const NetworkHandle network(raw == nullptr ? nullptr : virNetworkDefineXML(raw, isolated_network_xml));
    if (!network) {
        virt::throw_last_virt_error("define the network 'imgforge-isolated'");
    }
    if (virNetworkCreate(network.get()) != 0) {
        virt::throw_last_virt_error("start the network 'imgforge-isolated'");
    }
    static_cast<void>(virNetworkSetAutostart(network.get(), 1));
}

void prepare_network(const virt::Connection& connection, const std::vector<virt::NetworkInfo>& known,
                     const NetworkSpec& spec) {
    const std::string name = libvirt_network(spec);
    const auto found =
        std::find_if(known.begin(), known.end(), [&](const auto& network) { return network.name == name; });
    if (found != known.end()) {
        if (!found->active) {
            connection.start_network(name);
        }
        check_address(connection, name, spec);
        return;
    }
    if (spec.kind == NetworkSpec::Kind::isolated) {
        define_isolated(connection);
        check_address(connection, name, spec);
        return;
    }
    std::vector<std::string> names;
    std::transform(known.begin(), known.end(), std::back_inserter(names),
                   [](const auto& network) { return network.name; });
    throw Error(Failure::host,
                fmt::format("{} has no network '{}'{}", connection.uri(), name, did_you_mean(name, names)),
                spec.kind == NetworkSpec::Kind::nat
                    ? fmt::format("virsh -c {0} net-define /usr/share/libvirt/networks/default.xml && virsh "
                                  "-c {0} net-autostart default",
                                  connection.uri())
                    : fmt::format("networks there: {}",
                                  names.empty() ? "none" : fmt::format("{}", fmt::join(names, ", "))));
}

bool readable_by_qemu(const struct stat& info) {
    // libvirt makes a disk its QEMU's own when it starts the first machine of an image, and does not give it
    // back.
    return (info.st_mode & S_IROTH) != 0 || ((info.st_mode & S_IRGRP) != 0 && qemu_group() == info.st_gid) ||
           ((info.st_mode & S_IRUSR) != 0 && qemu_user() == info.st_uid);
}

}  // namespace

std::optional<fs::path> closed_folder(const fs::path& path) {
    std::error_code error;
    const fs::path real = fs::weakly_canonical(path, error);
    fs::path folder;
    for (const auto& part : error ? path : real) {
        folder /= part;
        struct stat info {};
        if (folder != path && stat(folder.c_str(), &info) == 0 && S_ISDIR(info.st_mode) &&
            (info.st_mode & S_IXOTH) == 0) {
            return folder;
        }
    }
    return {};
}

void check_paths_for_system(const std::vector<fs::path>& files) {
    if (system_qemu_is_root()) {
        return;
    }
    for (const auto& file : files) {
        if (const auto closed = closed_folder(file)) {
            throw Error(Failure::host,
                        fmt::format("QEMU of qemu:///system runs as its own user and cannot pass through {}, "
                                    "which {} is in",
                                    closed->string(), file.string()),
                        fmt::format("chmod o+x {} , or use --connect embedded, or set IMGFORGE_HOME to a "
                                    "directory others can reach, such as "
                                    "/var/lib/imgforge",
                                    closed->string()));
        }
        struct stat info {};
        const bool known = stat(file.c_str(), &info) == 0 && S_ISREG(info.st_mode);
        if (known && !readable_by_qemu(info)) {
            throw Error(
                Failure::host,
                fmt::format("QEMU of qemu:///system runs as its own user and cannot read {}", file.string()),
                fmt::format("chgrp kvm {0} && chmod g+r {0}", file.string()));
        }
    }
}

void check_memory(ByteSize each, std::size_t count) {
    std::ifstream in("/proc/meminfo");
    std::string key;
    for (std::uint64_t kib = 0; in >> key >> kib; in.ignore(64, '\n')) {
        if (key != "MemAvailable:") {
            continue;
        }
        const ByteSize available = ByteSize::kib(kib);
        // Division, as the product could overflow.
        if (each.in_bytes() > available.in_bytes() / count) {
            throw Error(Failure::host,
                        fmt::format("{} with {} of memory will not fit: this host has {} available",
                                    count == 1 ? "a machine" : fmt::format("{} machines", count), each.text(),
                                    available.text()),
                        "give them less (--memory, --size), stop others, or insist with --overcommit");
        }
        return;
    }
}

void prepare_networks(const virt::Connection& connection, const std::vector<NetworkSpec>& networks) {
    const auto known = connection.networks();
    for (const auto& spec : networks) {
        if (spec.kind == NetworkSpec::Kind::bridge) {
            if (uri_host(connection.uri()).empty()) {
                check_bridge(spec);
            }
        } else if (spec.kind != NetworkSpec::Kind::user) {
            prepare_network(connection, known, spec);
        }
    }
}

void keep_networks(Monitor& monitor, const virt::Connection& connection,
                   const std::vector<NetworkSpec>& networks) {
    const auto known = connection.networks();
    for (const auto& spec : networks) {
        const std::string name = libvirt_network(spec);
        for (const auto& network : known) {
            if (network.name != name || network.autostart) {
                continue;
            }
            try {
                connection.set_network_autostart(name, true);
                monitor.message(fmt::format("network '{}' starts with the host from now on", name));
            } catch (const Error& error) {
                monitor.warning(
                    fmt::format("network '{}' does not start with the host: {}", name, error.message()));
            }
        }
    }
}

std::vector<NetworkSpec> networks_of(const MachineRecord& record) {
    std::vector<NetworkSpec> networks;
    std::transform(record.nics.begin(), record.nics.end(), std::back_inserter(networks),
                   [](const Nic& nic) { return nic.network; });
    return networks;
}

std::vector<NetworkSpec> default_networks(const Settings& settings, bool embedded) {
    if (embedded) {
        return {parse_network("user")};
    }
    if (settings.networks.empty()) {
        return {parse_network("nat")};
    }
    return in_context([] { return std::string("settings, network"); },
                      [&] {
                          std::vector<NetworkSpec> networks;
                          for (const std::string& text : settings.networks) {
                              networks.push_back(parse_network(text));
                          }
                          return networks;
                      });
}

}  // namespace imgforge::lifecycle
