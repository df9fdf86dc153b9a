// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/address.hpp"

#include <arpa/inet.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <fmt/ranges.h>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/virt/libvirt_library.hpp"

namespace imgforge::lifecycle {
namespace {

NicAddresses by_mac(const std::vector<virt::InterfaceAddress>& found, const MachineRecord& record) {
    NicAddresses addresses(record.nics.size());
    for (const auto& entry : found) {
        for (std::size_t i = 0; i < record.nics.size(); ++i) {
            std::string mac = entry.mac;
            std::transform(mac.begin(), mac.end(), mac.begin(), [](char c) {
                return c >= 'A' && c <= 'Z' ? static_cast<char>(c - 'A' + 'a') : c;
            });
            if (record.nics[i].network.mac == mac && is_usable_address(entry.address)) {
                addresses[i].push_back(entry.address);
            }
        }
    }
    return addresses;
}

bool any(const NicAddresses& addresses) {
    return std::any_of(addresses.begin(), addresses.end(), [](const auto& list) { return !list.empty(); });
}

}  // namespace

bool is_usable_address(const std::string& text) {
    in_addr v4{};
    if (inet_pton(AF_INET, text.c_str(), &v4) == 1) {
        const std::uint32_t address = ntohl(v4.s_addr);
        const std::uint32_t first = address >> 24U;
        return first != 0 && first != 127 && first < 224 && (address >> 16U) != 0xa9fe;
    }
    in6_addr v6{};
    if (inet_pton(AF_INET6, text.c_str(), &v6) != 1) {
        return false;
    }
    const bool link_local = v6.s6_addr[0] == 0xfe && (v6.s6_addr[1] & 0xc0U) == 0x80;
    return !link_local && v6.s6_addr[0] != 0xff && !IN6_IS_ADDR_LOOPBACK(&v6) &&
           !IN6_IS_ADDR_UNSPECIFIED(&v6);
}

std::string AddressSearch::best() const {
    std::string v6;
    for (const auto& list : addresses) {
        for (const auto& address : list) {
            if (is_ipv4(address)) {
                return address;
            }
            if (v6.empty()) {
                v6 = address;
            }
        }
    }
    return v6;
}

std::vector<std::string> leased_addresses(const virt::Connection& connection, const Nic& nic) {
    const std::string network = libvirt_network(nic.network);
    if (network.empty()) {
        return {};
    }
    try {
        return connection.leases(network, nic.network.mac.value_or(""));
    } catch (const virt::VirtError& error) {
        if (error.cause() == virt::VirtCause::no_network || error.cause() == virt::VirtCause::unsupported) {
            return {};
        }
        throw;
    }
}

LeaseTimes lease_times(const virt::Connection& connection, const MachineRecord& record) {
    using NetworkHandle = Handle<virNetwork, &virNetworkFree>;
    LeaseTimes times;
    virConnectPtr raw = connection.raw();
    for (const auto& nic : record.nics) {
        const std::string name = libvirt_network(nic.network);
        const NetworkHandle network(
            raw == nullptr || name.empty() ? nullptr : virNetworkLookupByName(raw, name.c_str()));
        virNetworkDHCPLeasePtr* leases = nullptr;
        const int count =
            network ? virNetworkGetDHCPLeases(network.get(), nic.network.mac.value_or("").c_str(), &leases, 0)
                    : 0;
        for (int i = 0; i < count; ++i) {
            if (leases[i]->ipaddr != nullptr) {
                times[leases[i]->ipaddr] = leases[i]->expirytime;
            }
            virNetworkDHCPLeaseFree(leases[i]);
        }
        free(leases);  // NOLINT: allocated by libvirt with malloc
    }
    return times;
}

void drop_old_leases(NicAddresses& addresses, const LeaseTimes& old, const LeaseTimes& now) {
    for (auto& list : addresses) {
        std::erase_if(list, [&](const std::string& address) {
            const auto before = old.find(address);
            const auto present = now.find(address);
            return before != old.end() && present != now.end() && before->second != 0 &&
                   before->second == present->second;
        });
    }
}

NicAddresses agent_addresses(const virt::Connection& connection, const MachineRecord& record) {
    const auto domain = connection.find(record.uuid);
    return domain ? by_mac(domain->addresses(virt::AddressSource::agent), record)
                  : NicAddresses(record.nics.size());
}

void merge_addresses(NicAddresses& into, const NicAddresses& more) {
    into.resize(std::max(into.size(), more.size()));
    for (std::size_t i = 0; i < more.size(); ++i) {
        for (const auto& address : more[i]) {
            if (std::find(into[i].begin(), into[i].end(), address) == into[i].end()) {
                into[i].push_back(address);
            }
        }
    }
}

AddressSearch find_addresses(const virt::Connection& connection, const MachineRecord& record) {
    AddressSearch search;
    search.addresses.resize(record.nics.size());
    std::vector<std::string> tried;
    for (std::size_t i = 0; i < record.nics.size(); ++i) {
        search.addresses[i] = leased_addresses(connection, record.nics[i]);
    }
    tried.push_back(any(search.addresses) ? "DHCP lease: found" : "DHCP lease: none");
    const auto domain = connection.find(record.uuid);
    static constexpr std::array sources = {std::pair(virt::AddressSource::arp, "ARP"),
                                           std::pair(virt::AddressSource::agent, "guest agent")};
    for (const auto& [source, name] : sources) {
        if (any(search.addresses) || !domain) {
            break;
        }
        try {
            search.addresses = by_mac(domain->addresses(source), record);
            tried.push_back(fmt::format("{}: {}", name, any(search.addresses) ? "found" : "none"));
        } catch (const virt::VirtError& error) {
            const bool silent = error.cause() == virt::VirtCause::agent_unavailable;
            tried.push_back(fmt::format("{}: {}", name, silent ? "does not answer" : error.message()));
        }
    }
    search.tried = fmt::format("{}", fmt::join(tried, ", "));
    return search;
}

}  // namespace imgforge::lifecycle
