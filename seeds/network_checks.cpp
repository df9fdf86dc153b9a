// SPDX-License-Identifier: GPL-3.0-or-later
#include "seeds/network_checks.hpp"

#include <algorithm>
#include <map>
#include <set>

#include <fmt/format.h>

#include "seeds/findings.hpp"
#include "seeds/key_table.hpp"
#include "seeds/net_words.hpp"
#include "seeds/text.hpp"

namespace imgforge::seeds {
namespace {

/// The newest release whose network_state.py raises on `to: default` (it hands the word to ipaddress; 25.3
/// added support for it).
constexpr CloudInitVersion default_route_raises{25, 2};

class Version2 {
public:
    Version2(const GuestYaml& yaml, std::string pointer, const Json& body, const Guest& guest,
             Diagnostics& diagnostics)
        : findings_(yaml.document, diagnostics), pointer_(std::move(pointer)), body_(body), guest_(guest) {
        for (const char* const kind : {"ethernets", "bonds", "bridges", "vlans", "wifis", "tunnels", "vrfs",
                                       "modems", "dummy-devices", "virtual-ethernets"}) {
            for (const auto& [name, link] : child_of(body_, kind).items()) {
                links_.insert(name);
            }
        }
    }

    void run() {
        for (const char* const kind : {"ethernets", "bonds", "bridges", "vlans"}) {
            const Json& all = child_of(body_, kind);
            for (const auto& [name, link] : all.items()) {
                if (all.is_object() && link.is_object()) {
                    check_link(fmt::format("{}/{}/{}", pointer_, kind, pointer_token(name)), name, link);
                }
            }
        }
    }

private:
    void check_link(const std::string& at, const std::string& name, const Json& link) {
        check_members(at, name, link);
        check_match(at, link);
        for (const auto& [key, v6] : {std::pair{"gateway4", false}, std::pair{"gateway6", true}}) {
            const std::string gateway = text_child(link, key);
            if (gateway.empty()) {
                continue;
            }
            if (is_ip(gateway) && is_ipv6(gateway) != v6) {
                findings_.error(at + "/" + key, fmt::format("'{}' is an IPv{} address", gateway, v6 ? 4 : 6));
            }
            findings_.hint(at + "/" + key, fmt::format("'{}' is deprecated", key),
                           v6 ? "routes: [{to: \"::/0\", via: …}]" : "routes: [{to: 0.0.0.0/0, via: …}]",
                           true);
        }
        const Json& routes = child_of(link, "routes");
        for (std::size_t i = 0; routes.is_array() && i < routes.size(); ++i) {
            check_route(fmt::format("{}/routes/{}", at, i), routes[i]);
        }
    }

    void check_route(const std::string& at, const Json& route) {
        const std::string to = text_child(route, "to");
        const std::string via = text_child(route, "via");
        if (to == "default") {
            check_default(at + "/to", via.find(':') != std::string::npos);
        }
        if (via.empty() && text_child(route, "scope") != "link" && route.is_object() &&
            !route.contains("type") && !to.empty()) {
            findings_.warning(at, fmt::format("the route to {} has no gateway", to),
                              "add via, or scope: link");
        }
        if (is_cidr(to) && is_ip(via) && is_ipv6(via) != (to.find(':') != std::string::npos)) {
            findings_.error(at + "/via", fmt::format("the gateway {} is of another family than {}", via, to));
        }
    }

    /// Where the guest is not known, a renderer that is named says that it need not be netplan.
    void check_default(const std::string& at, bool v6) {
        const std::string instead = v6 ? "\"::/0\"" : "0.0.0.0/0";
        if (!guest_.name.empty()) {
            if (!guest_.netplan && guest_.version <= default_route_raises) {
                findings_.error(at,
                                fmt::format("'to: default' stops cloud-init {} where netplan is missing",
                                            to_string(guest_.version)),
                                instead);
            }
            return;
        }
        const std::string message =
            "'to: default' stops cloud-init before 25.3 (Debian 12 has 22.4) where netplan is missing";
        if (body_.contains("renderer")) {
            findings_.warning(at, message, instead);
        } else {
            findings_.hint(at, message, instead);
        }
    }

    void check_members(const std::string& at, const std::string& name, const Json& link) {
        const Json& members = child_of(link, "interfaces");
        std::set<std::string> names;
        for (std::size_t i = 0; members.is_array() && i < members.size(); ++i) {
            if (!members[i].is_string()) {
                continue;
            }
            const auto member = members[i].get<std::string>();
            names.insert(member);
            if (!links_.contains(member)) {
                findings_.error(fmt::format("{}/interfaces/{}", at, i),
                                fmt::format("'{}' is not defined here", member), "add it to ethernets");
            }
        }
        const std::string primary = text_child(child_of(link, "parameters"), "primary");
        if (!primary.empty() && !names.contains(primary)) {
            findings_.error(at + "/parameters/primary",
                            fmt::format("'{}' is not one of the interfaces of '{}'", primary, name));
        }
        const std::string parent = text_child(link, "link");
        if (!parent.empty() && !links_.contains(parent)) {
            findings_.error(at + "/link", fmt::format("the link '{}' is not defined here", parent),
                            "name an entry of ethernets, bonds or bridges");
        }
    }

    void check_match(const std::string& at, const Json& link) {
        const Json& match = child_of(link, "match");
        std::string mac = text_child(match, "macaddress");
        std::transform(mac.begin(), mac.end(), mac.begin(),
                       [](char c) { return c >= 'A' && c <= 'F' ? static_cast<char>(c + 32) : c; });
        if (!mac.empty() && !macs_.insert(mac).second) {
            findings_.warning(at + "/match/macaddress",
                              fmt::format("another card is matched by {} too", mac));
        }
        if (link.contains("set-name") && !match.is_object()) {
            findings_.warning(at + "/set-name", "'set-name' needs a match, or the card keeps its name",
                              "match: {macaddress: …}", true);
        }
    }

    Findings findings_;
    std::string pointer_;
    const Json& body_;
    const Guest& guest_;
    std::set<std::string> links_;
    std::set<std::string> macs_;
};

}  // namespace

void check_network_v2(const GuestYaml& yaml, const std::string& pointer, const Json& body, const Guest& guest,
                      Diagnostics& diagnostics) {
    Version2(yaml, pointer, body, guest, diagnostics).run();
}

void check_network_tree(const GuestYaml& yaml, const Guest& guest, Diagnostics& diagnostics) {
    Findings findings(yaml.document, diagnostics);
    const Json& root = yaml.document.root;
    if (!root.is_object()) {
        findings.error("", "a network-config is a map with a version, cloud-init drops anything else");
        return;
    }
    const bool wrapped = root.contains("network");
    const std::string pointer = wrapped ? "/network" : "";
    const Json& body = wrapped ? root["network"] : root;
    if (!body.is_object()) {
        findings.error(pointer, "'network' must be a map with a version");
        return;
    }
    if (wrapped && root.size() > 1) {
        for (const auto& [key, value] : root.items()) {
            if (key != "network") {
                findings.warning("/" + pointer_token(key),
                                 fmt::format("'{}' is next to 'network' and will be ignored", key), {}, true);
            }
        }
    }
    if (child_of(body, "config") == "disabled") {
        return;  // the documented way to switch it off; nothing else counts then
    }
    key_table("network-config.keys").check(yaml, "@body", pointer, body, guest, diagnostics);
    const Json& version = child_of(body, "version");
    if (version == 1) {
        check_network_v1(yaml, pointer, body, diagnostics);
    } else if (version == 2) {
        check_network_v2(yaml, pointer, body, guest, diagnostics);
    } else if (version.is_number_integer()) {
        findings.error(pointer + "/version", fmt::format("network-config has no version {}", version.dump()),
                       "use 1 or 2");
    }
}

Diagnostics check_network_text(const std::string& text, const std::string& name, const Guest& guest) {
    Diagnostics found;
    if (trimmed(text).empty()) {
        found.add({.file = name,
                   .severity = Diagnostic::Severity::warning,
                   .message = "the network-config is empty: cloud-init asks for DHCP on the first card"});
        return found;
    }
    if (const auto yaml = parse_guest_yaml(text, name, found)) {
        check_network_tree(*yaml, guest, found);
    }
    found.sort();
    return found;
}

}  // namespace imgforge::seeds
