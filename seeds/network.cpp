// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/network.hpp"

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
