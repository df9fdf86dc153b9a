// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/network.hpp"

#include <utility>

#include "seeds/seed.hpp"

namespace imgforge::seeds {

Json unwrapped_network(const Json& network) {
    if (!network.is_object()) {
        return nullptr;
    }
    Json out = network.contains("network") ? network["network"] : network;
    if (!out.contains("version")) {
        out["version"] = 2;
    }
    return out;
}

namespace {

Json static_subnet(const SeedNic& nic, const std::string& address, Json& gateway) {
    Json subnet = {{"type", "static"}, {"address", address}};
    if (!gateway.is_null()) {
        subnet["gateway"] = std::exchange(gateway, nullptr);  // once for each family
    }
    if (!nic.nameservers.empty()) {
        subnet["dns_nameservers"] = nic.nameservers;
    }
    if (!nic.search.empty()) {
        subnet["dns_search"] = nic.search;
    }
    return subnet;
}

}  // namespace

Json network_v1(const std::vector<SeedNic>& nics) {
    Json config = Json::array();
    for (const SeedNic& nic : nics) {
        Json card = {{"type", "physical"}, {"name", nic.name}, {"mac_address", nic.mac}};
        if (nic.mtu > 0) {
            card["mtu"] = nic.mtu;
        }
        Json subnets = Json::array();
        if (nic.dhcp4) {
            subnets.push_back({{"type", "dhcp4"}});
        }
        if (nic.dhcp6) {
            subnets.push_back({{"type", "dhcp6"}});
        }
        Json gateway4 = nic.gateway4.empty() ? Json() : Json(nic.gateway4);
        Json gateway6 = nic.gateway6.empty() ? Json() : Json(nic.gateway6);
        for (const std::string& address : nic.addresses) {
            subnets.push_back(
                static_subnet(nic, address, address.find(':') == std::string::npos ? gateway4 : gateway6));
        }
        if (subnets.empty()) {
            subnets.push_back({{"type", "manual"}});
        }
        card["subnets"] = subnets;
        config.push_back(card);
        if (nic.addresses.empty() && !(nic.nameservers.empty() && nic.search.empty())) {
            config.push_back({{"type", "nameserver"}, {"address", nic.nameservers}, {"search", nic.search}});
        }
    }
    return {{"version", 1}, {"config", config}};
}

Json network_v2(const std::vector<SeedNic>& nics) {
    Json ethernets = Json::object();
    for (const SeedNic& nic : nics) {
        Json& entry = ethernets[nic.name];
        // set-name, because cloud-init's renderers other than netplan configure the card by this name.
        entry = {{"match", {{"macaddress", nic.mac}}},
                 {"set-name", nic.name},
                 {"dhcp4", nic.dhcp4},
                 {"dhcp6", nic.dhcp6}};
        if (!nic.addresses.empty()) {
            entry["addresses"] = nic.addresses;
        }
        for (const std::string& via : {nic.gateway4, nic.gateway6}) {
            if (!via.empty()) {
                // Not gateway4, which netplan calls deprecated, nor `to: default`, which stops
                // cloud-init 22.4.
                entry["routes"].push_back(
                    {{"to", via.find(':') == std::string::npos ? "0.0.0.0/0" : "::/0"}, {"via", via}});
            }
        }
        if (!nic.nameservers.empty()) {
            entry["nameservers"]["addresses"] = nic.nameservers;
        }
        if (!nic.search.empty()) {
            entry["nameservers"]["search"] = nic.search;
        }
        if (nic.mtu > 0) {
            entry["mtu"] = nic.mtu;
        }
    }
    return {{"version", 2}, {"ethernets", ethernets}};
}

}  // namespace imgforge::seeds
