// SPDX-License-Identifier: GPL-3.0-or-later
#include <arpa/inet.h>

#include <array>
#include <set>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "seeds/network.hpp"

namespace imgforge::seeds {
namespace {

struct Address {
    std::string ip;
    bool v6 = false;
    int prefix = 0;
};

Address split_address(const std::string& text) {
    const std::size_t slash = text.find('/');
    Address out{.ip = text.substr(0, slash), .v6 = text.find(':') != std::string::npos};
    const int longest = out.v6 ? 128 : 32;
    try {
        out.prefix = slash == std::string::npos ? longest : std::stoi(text.substr(slash + 1));
    } catch (const std::exception&) {
        out.prefix = -1;
    }
    unsigned char scratch[16];
    if (out.prefix < 0 || out.prefix > longest ||
        inet_pton(out.v6 ? AF_INET6 : AF_INET, out.ip.c_str(), scratch) != 1) {
        throw Error(Failure::recipe, fmt::format("'{}' is not an address with prefix length", text),
                    "write 192.0.2.5/24 or 2001:db8::5/64");
    }
    return out;
}

std::string netmask(const Address& address) {
    if (address.v6) {
        return std::to_string(address.prefix);  // cloud-init takes a prefix length for IPv6
    }
    const std::uint32_t mask =
        address.prefix == 0 ? 0 : ~std::uint32_t{0} << static_cast<unsigned>(32 - address.prefix);
    return fmt::format("{}.{}.{}.{}", mask >> 24U, (mask >> 16U) & 255U, (mask >> 8U) & 255U, mask & 255U);
}

std::string text_of(const Json& value, const char* key) {
    const auto found = value.find(key);
    return found == value.end() || found->is_null() ? std::string()
           : found->is_string()                     ? found->get<std::string>()
                                                    : found->dump();
}

Json child(const Json& value, const char* key, Json fallback) {
    const auto found = value.is_object() ? value.find(key) : value.end();
    return found == value.end() || found->is_null() ? std::move(fallback) : *found;
}

bool is_true(const Json& value) {
    return value == true || value == "yes" || value == "True" || value == "true";
}

Json route_entry(const std::string& to, const std::string& via, const Json& metric = nullptr) {
    const bool v6 = via.find(':') != std::string::npos;
    const std::string everything = v6 ? "::/0" : "0.0.0.0/0";
    const Address target = split_address(to.empty() || to == "default" ? everything : to);
    Json entry{{"network", target.ip}, {"netmask", netmask(target)}, {"gateway", via}};
    if (!metric.is_null()) {
        entry["metric"] = metric;  // network_state.py _normalize_route takes it along
    }
    return entry;
}

/// The `networks` of one link: one per address, one per DHCP family. Routes and DNS go with the first of
/// their family.
class Subnets {
public:
    Subnets(std::string link, const Json& nic, Json& networks)
        : link_(std::move(link)), nic_(nic), networks_(networks) {}

    void add() {
        Json routes4 = Json::array();
        Json routes6 = Json::array();
        collect_routes(routes4, routes6);
        if (is_true(child(nic_, "dhcp4", false))) {
            push({{"type", "ipv4_dhcp"}}, routes4);
        }
        if (is_true(child(nic_, "dhcp6", false))) {
            push({{"type", "ipv6_dhcp"}}, routes6);
        }
        for (const Json& entry : child(nic_, "addresses", Json::array())) {
            const Address address =
                split_address(entry.is_object() ? entry.begin().key() : entry.get<std::string>());
            push({{"type", address.v6 ? "ipv6" : "ipv4"},
                  {"ip_address", address.ip},
                  {"netmask", netmask(address)}},
                 address.v6 ? routes6 : routes4);
        }
    }

private:
    void collect_routes(Json& routes4, Json& routes6) const {
        for (const char* const key : {"gateway4", "gateway6"}) {
            if (const std::string via = text_of(nic_, key); !via.empty()) {
                (via.find(':') == std::string::npos ? routes4 : routes6).push_back(route_entry("", via));
            }
        }
        for (const Json& route : child(nic_, "routes", Json::array())) {
            const std::string via = text_of(route, "via");
            if (via.empty()) {
                throw Error(Failure::recipe, fmt::format("a route of '{}' has no `via`", link_),
                            "ConfigDrive needs a gateway for each route");
            }
            (via.find(':') == std::string::npos ? routes4 : routes6)
                .push_back(route_entry(text_of(route, "to"), via, child(route, "metric", nullptr)));
        }
    }

    void push(Json network, Json& routes) {
        network["id"] = fmt::format("{}-{}", link_, count_++);
        network["link"] = link_;
        if (!routes.empty()) {
            network["routes"] = std::exchange(routes, Json::array());
        }
        const Json dns = child(nic_, "nameservers", Json::object());
        if (count_ == 1 && !child(dns, "addresses", Json::array()).empty()) {
            network["dns_nameservers"] = dns["addresses"];
            for (const Json& address : dns["addresses"]) {
                network["services"].push_back({{"type", "dns"}, {"address", address}});
            }
        }
        if (count_ == 1 && !child(dns, "search", Json::array()).empty()) {
            network["dns_search"] = dns["search"];
        }
        networks_.push_back(std::move(network));
    }

    std::string link_;
    const Json& nic_;
    Json& networks_;
    int count_ = 0;
};

std::string mac_of(const std::string& name, const Json& nic) {
    const std::string mac = text_of(child(nic, "match", Json::object()), "macaddress");
    if (!mac.empty()) {
        return mac;
    }
    const std::string own = text_of(nic, "macaddress");
    if (own.empty()) {
        throw Error(
            Failure::recipe,
            fmt::format("network card '{}' has no MAC address, ConfigDrive finds cards by MAC only", name),
            "add match: {macaddress: …}, or use --datasource nocloud");
    }
    return own;
}

/// What only cloud-init reads: it hands every bond_… of a link to the bond (sources/helpers/openstack.py
/// convert_net_json); OpenStack itself knows mode, miimon and the hash policy.
struct BondWord {
    const char* netplan;
    const char* openstack;
};
constexpr std::array bond_words{
    BondWord{"lacp-rate", "bond_lacp_rate"},
    BondWord{"min-links", "bond_min_links"},
    BondWord{"ad-select", "bond_ad_select"},
    BondWord{"up-delay", "bond_updelay"},
    BondWord{"down-delay", "bond_downdelay"},
    BondWord{"primary", "bond_primary"},
    BondWord{"primary-reselect-policy", "bond_primary_reselect"},
    BondWord{"arp-interval", "bond_arp_interval"},
    BondWord{"arp-validate", "bond_arp_validate"},
    BondWord{"fail-over-mac-policy", "bond_fail_over_mac"},
};

class Converter {
public:
    Converter(const Json& network, const std::string& file, Diagnostics& warnings)
        : network_(network), file_(file), warnings_(warnings) {}

    Json run() {
        for (const char* const kind : {"bridges", "tunnels", "wifis", "modems", "vrfs"}) {
            if (!child(network_, kind, Json::object()).empty()) {
                throw Error(Failure::recipe,
                            fmt::format("ConfigDrive's network_data.json has no word for `{}`", kind),
                            "use --datasource nocloud");
            }
        }
        const Json all_cards = child(network_, "ethernets", Json::object());
        for (const auto& [name, nic] : all_cards.items()) {
            macs_[name] = mac_of(name, nic);
            Json link{{"id", name},
                      {"name", text_of(nic, "set-name").empty() ? name : text_of(nic, "set-name")},
                      {"type", "phy"}};
            link["ethernet_mac_address"] = macs_[name];
            finish(name, nic, std::move(link));
        }
        bonds();
        vlans();
        named("", network_, {"version", "ethernets", "bonds", "vlans", "renderer"});
        return {{"links", links_}, {"networks", networks_}, {"services", Json::array()}};
    }

private:
    /// A warning for each key of `value` that is not among `said`.
    void named(const std::string& where, const Json& value, const std::set<std::string>& said) {
        for (const auto& [key, child] : value.items()) {
            if (!said.contains(key)) {
                warn(fmt::format("network_data.json has no word for '{}'{}, it is left out", key,
                                 where.empty() ? "" : " of " + where));
            }
        }
    }

    void warn(std::string message) {
        warnings_.add({.file = file_,
                       .severity = Diagnostic::Severity::warning,
                       .message = std::move(message),
                       .suggestion = "use --datasource nocloud to keep it"});
    }

    void finish(const std::string& name, const Json& nic, Json link) {
        named(name, nic,
              {"match", "set-name", "dhcp4", "dhcp6", "addresses", "gateway4", "gateway6", "nameservers",
               "routes", "mtu", "macaddress", "interfaces", "parameters", "id", "link"});
        named(name + "'s match", child(nic, "match", Json::object()), {"macaddress"});
        for (const Json& route : child(nic, "routes", Json::array())) {
            named("a route of " + name, route, {"to", "via", "metric"});
            if (route.contains("metric")) {
                warn(fmt::format("'metric' of a route of {} is written, but only cloud-init reads it", name));
            }
        }
        if (const Json mtu = child(nic, "mtu", nullptr); !mtu.is_null()) {
            link["mtu"] = mtu;
        }
        links_.push_back(std::move(link));
        Subnets(name, nic, networks_).add();
    }

    void bonds() {
        const Json all_bonds = child(network_, "bonds", Json::object());
        for (const auto& [name, bond] : all_bonds.items()) {
            const Json members = child(bond, "interfaces", Json::array());
            if (members.empty() || !macs_.contains(members[0].get<std::string>())) {
                throw Error(Failure::recipe, fmt::format("bond '{}' names no known network card", name),
                            "list cards of `ethernets` in `interfaces`");
            }
            const Json options = child(bond, "parameters", Json::object());
            const std::string own = text_of(bond, "macaddress");
            macs_[name] = own.empty() ? macs_[members[0].get<std::string>()].get<std::string>() : own;
            Json link{{"id", name},
                      {"type", "bond"},
                      {"bond_links", members},
                      {"ethernet_mac_address", macs_[name]}};
            link["bond_mode"] = text_of(options, "mode").empty() ? "balance-rr" : text_of(options, "mode");
            if (const Json interval = child(options, "mii-monitor-interval", nullptr); !interval.is_null()) {
                link["bond_miimon"] = interval;
            }
            if (const std::string policy = text_of(options, "transmit-hash-policy"); !policy.empty()) {
                link["bond_xmit_hash_policy"] = policy;
            }
            for (const BondWord& word : bond_words) {
                if (const Json value = child(options, word.netplan, nullptr); !value.is_null()) {
                    link[word.openstack] = value;
                    warn(fmt::format("'{}' of {} is written as {}, which only cloud-init reads", word.netplan,
                                     name, word.openstack));
                }
            }
            std::set<std::string> said{"mode", "mii-monitor-interval", "transmit-hash-policy"};
            for (const BondWord& word : bond_words) {
                said.insert(word.netplan);
            }
            named(name + "'s parameters", options, said);
            finish(name, bond, std::move(link));
        }
    }

    void vlans() {
        const Json all_vlans = child(network_, "vlans", Json::object());
        for (const auto& [name, vlan] : all_vlans.items()) {
            const std::string parent = text_of(vlan, "link");
            if (!macs_.contains(parent)) {
                throw Error(Failure::recipe, fmt::format("VLAN '{}' lies on unknown link '{}'", name, parent),
                            "name an entry of `ethernets` or `bonds`");
            }
            const std::string own = text_of(vlan, "macaddress");
            finish(name, vlan,
                   {{"id", name},
                    {"type", "vlan"},
                    {"vlan_id", child(vlan, "id", 0)},
                    {"vlan_link", parent},
                    {"vlan_mac_address", own.empty() ? macs_[parent].get<std::string>() : own}});
        }
    }

    const Json& network_;
    const std::string& file_;
    Diagnostics& warnings_;
    Json macs_ = Json::object();
    Json links_ = Json::array();
    Json networks_ = Json::array();
};

}  // namespace

Json openstack_network(const Json& network, const std::string& file, Diagnostics& warnings) {
    const Json body = unwrapped_network(network);
    if (body["version"] != 2) {
        throw Error(Failure::recipe, "ConfigDrive is made from network-config version 2",
                    "rewrite it as version 2, or use --datasource nocloud");
    }
    return Converter(body, file, warnings).run();
}

}  // namespace imgforge::seeds
