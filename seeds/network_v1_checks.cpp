// SPDX-License-Identifier: GPL-3.0-or-later
#include <array>
#include <set>
#include <vector>

#include <fmt/format.h>

#include "seeds/findings.hpp"
#include "seeds/net_words.hpp"
#include "seeds/network_checks.hpp"

namespace imgforge::seeds {
namespace {

struct Needs {
    std::string_view type;
    std::vector<std::string> keys;
};

/// network_state.py ensure_command_keys(): it raises without them.
const std::vector<Needs>& needs() {
    static const std::vector<Needs> table{
        {"physical", {"name"}},
        {"infiniband", {"name"}},
        {"loopback", {"name"}},
        {"bond", {"name", "bond_interfaces", "params"}},
        {"bridge", {"name", "bridge_interfaces"}},
        {"vlan", {"name", "vlan_link", "vlan_id"}},
        {"nameserver", {"address"}},
        {"route", {"destination"}},
    };
    return table;
}

class Version1 {
public:
    Version1(const GuestYaml& yaml, std::string pointer, const Json& config, Diagnostics& diagnostics)
        : findings_(yaml.document, diagnostics), pointer_(std::move(pointer)), config_(config) {
        for (const Json& entry : config_) {
            names_.insert(text_child(entry, "name"));
        }
    }

    void run() {
        for (std::size_t i = 0; i < config_.size(); ++i) {
            if (config_[i].is_object()) {
                check_entry(fmt::format("{}/{}", pointer_, i), config_[i]);
            }
        }
    }

private:
    void check_entry(const std::string& at, const Json& entry) {
        const std::string type = text_child(entry, "type");
        for (const Needs& row : needs()) {
            for (const std::string& key : row.type == type ? row.keys : std::vector<std::string>{}) {
                if (!entry.contains(key)) {
                    findings_.error(at, fmt::format("'{}' is missing in this entry of type {}", key, type),
                                    {}, true);
                }
            }
        }
        for (const char* const key : {"bond_interfaces", "bridge_interfaces"}) {
            const Json& members = child_of(entry, key);
            for (std::size_t i = 0; members.is_array() && i < members.size(); ++i) {
                check_name(fmt::format("{}/{}/{}", at, key, i), members[i]);
            }
        }
        check_name(at + "/vlan_link", child_of(entry, "vlan_link"));
        if (type == "route") {
            check_target(at, "destination", entry);
        }
        const Json& subnets = child_of(entry, "subnets");
        for (std::size_t i = 0; subnets.is_array() && i < subnets.size(); ++i) {
            check_subnet(fmt::format("{}/subnets/{}", at, i), subnets[i]);
        }
    }

    void check_name(const std::string& at, const Json& name) {
        if (name.is_string() && !names_.contains(name.get<std::string>())) {
            findings_.warning(at, fmt::format("'{}' is not defined here", name.get<std::string>()),
                              "add an entry of type physical");
        }
    }

    void check_netmask(const std::string& at, const Json& entry) {
        const std::string mask = text_child(entry, "netmask");
        const bool number = !mask.empty() && mask.find_first_not_of("0123456789") == std::string::npos;
        if (!mask.empty() && !number && prefix_of_netmask(mask) < 0 && !is_ipv6(mask)) {
            findings_.error(at + "/netmask", fmt::format("'{}' is not a netmask", mask), "255.255.255.0");
        }
    }

    /// The network of a route: with its prefix length, or with `netmask` beside it.
    void check_target(const std::string& at, const char* key, const Json& route) {
        const std::string target = text_child(route, key);
        if (!target.empty() && !is_cidr(target) && !is_ip(target)) {
            findings_.error(fmt::format("{}/{}", at, key), fmt::format("'{}' is not a network", target),
                            "10.0.0.0/8");
        }
        check_netmask(at, route);
        const std::string gateway = text_child(route, "gateway");
        if (!gateway.empty() && !is_ip(gateway)) {
            findings_.error(at + "/gateway", fmt::format("'{}' is not an IP address", gateway));
        }
    }

    void check_subnet(const std::string& at, const Json& subnet) {
        const std::string type = text_child(subnet, "type");
        const std::string address = text_child(subnet, "address");
        const bool fixed = type == "static" || type == "static6";
        if (fixed && address.empty()) {
            findings_.error(at, fmt::format("'address' is missing in this subnet of type {}", type), {},
                            true);
        }
        if (!address.empty() && !is_cidr(address) && !is_ip(address)) {
            findings_.error(at + "/address", fmt::format("'{}' is not an IP address", address),
                            "192.0.2.5/24");
        }
        if (fixed && is_ip(address) && !subnet.contains("netmask")) {
            findings_.warning(
                at + "/address",
                fmt::format("{} has neither prefix length nor netmask: it stands alone", address),
                address + "/24");
        }
        check_netmask(at, subnet);
        const Json& routes = child_of(subnet, "routes");
        for (std::size_t i = 0; routes.is_array() && i < routes.size(); ++i) {
            const std::string below = fmt::format("{}/routes/{}", at, i);
            if (routes[i].is_object() && !routes[i].contains("network") &&
                !routes[i].contains("destination")) {
                findings_.error(below, "a route needs 'destination'", {}, true);
            }
            check_target(below, "network", routes[i]);
            check_target(below, "destination", routes[i]);
        }
    }

    Findings findings_;
    std::string pointer_;
    const Json& config_;
    std::set<std::string> names_;
};

}  // namespace

void check_network_v1(const GuestYaml& yaml, const std::string& pointer, const Json& body,
                      Diagnostics& diagnostics) {
    const Json& config = child_of(body, "config");
    if (config.is_array()) {
        Version1(yaml, pointer + "/config", config, diagnostics).run();
    } else if (config.is_null()) {
        Findings(yaml.document, diagnostics)
            .error(pointer, "'config' is missing: version 1 is a list of entries", {}, true);
    }
}

}  // namespace imgforge::seeds
