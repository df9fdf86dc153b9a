// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/doctor/networks.hpp"

#include <algorithm>
#include <chrono>
#include <filesystem>
#include <fstream>
#include <sstream>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"

namespace imgforge::doctor {
namespace {

namespace fs = std::filesystem;

std::string kind_of(const virt::NetworkInfo& network) {
    return network.forward.empty() ? "isolated" : network.forward;
}

std::string list_of(const std::vector<virt::NetworkInfo>& networks) {
    std::vector<std::string> texts;
    for (const auto& network : networks) {
        texts.push_back(fmt::format("{} ({}, {}{})", network.name, kind_of(network),
                                    network.active ? "active" : "not active",
                                    network.autostart ? ", starts with the host" : ""));
    }
    return texts.empty() ? "none" : fmt::format("{}", fmt::join(texts, ", "));
}

/// Over SSH the connection may break while it runs, so it is shown and never run by `doctor --fix`.
std::string new_bridge(const std::string& interface) {
    return fmt::format(
        "nmcli connection add type bridge ifname br0 con-name br0 && nmcli connection add type "
        "ethernet ifname {0} con-name br0-{0} master br0 && nmcli connection up br0-{0}",
        interface.empty() ? "INTERFACE" : interface);
}

std::string bridges_of(const HostNetworks& host) {
    std::vector<std::string> texts;
    for (const auto& bridge : host.bridges) {
        if (!bridge.uplinks.empty()) {
            texts.push_back(
                fmt::format("--network bridge={} ({})", bridge.name, fmt::join(bridge.uplinks, ", ")));
        }
    }
    if (texts.empty()) {
        return fmt::format(
            "no bridge is connected to a network card of this host; to create one with NetworkManager: `{}`",
            new_bridge(host.default_interface));
    }
    return fmt::format("bridges: {}", fmt::join(texts, ", "));
}

std::vector<HostBridge> bridges_here(const std::vector<virt::NetworkInfo>& networks) {
    std::vector<HostBridge> bridges;
    std::error_code none;
    for (auto entry = fs::directory_iterator("/sys/class/net", none);
         !none && entry != fs::directory_iterator(); entry.increment(none)) {
        const std::string name = entry->path().filename().string();
        const bool libvirts = std::any_of(networks.begin(), networks.end(),
                                          [&](const auto& network) { return network.bridge == name; });
        std::error_code code;
        if (libvirts || !fs::exists(entry->path() / "bridge", code)) {
            continue;
        }
        HostBridge bridge{name};
        for (const auto& port : fs::directory_iterator(entry->path() / "brif", code)) {
            const fs::path device = fs::path("/sys/class/net") / port.path().filename() / "device";
            if (fs::exists(device, code)) {
                bridge.uplinks.push_back(port.path().filename().string());
            }
        }
        bridges.push_back(std::move(bridge));
    }
    return bridges;
}

/// /proc/net/route: interface, destination, gateway …, hexadecimal.
std::string default_interface() {
    std::ifstream in("/proc/net/route");
    for (std::string line; std::getline(in, line);) {
        std::istringstream words(line);
        std::string interface;
        std::string destination;
        if (words >> interface >> destination && destination == "00000000") {
            return interface;
        }
    }
    return {};
}

}  // namespace

Check describe(const HostNetworks& host) {
    const std::string rest =
        fmt::format("networks of libvirt: {}; {}", list_of(host.networks), bridges_of(host));
    const auto found = std::find_if(host.networks.begin(), host.networks.end(),
                                    [](const auto& network) { return network.name == "default"; });
    if (found == host.networks.end()) {
        return {.detail = "libvirt has no network 'default', so `nat` cannot be used; " + rest,
                .command = fmt::format(
                    "virsh -c qemu:///system net-define /usr/share/libvirt/networks/default.xml && {}",
                    start_network)};
    }
    if (!found->active) {
        return {.detail = "the network 'default' is not active (spawn starts it); " + rest,
                .command = start_network};
    }
    return {.ok = true, .detail = rest};
}

Check networks(DoctorContext&) {
    HostNetworks host{.default_interface = default_interface()};
    try {
        host.networks = virt::Connection::open("qemu:///system", {}, std::chrono::seconds(5)).networks();
    } catch (const Error&) {
        host.bridges = bridges_here({});
        return {.detail = fmt::format("qemu:///system does not answer, so there are no networks of libvirt; "
                                      "`user` networking is used; {}",
                                      bridges_of(host)),
                .command = system_daemon_command};
    }
    host.bridges = bridges_here(host.networks);
    return describe(host);
}

}  // namespace imgforge::doctor
