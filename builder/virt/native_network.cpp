// SPDX-License-Identifier: GPL-3.0-or-later
#include <fmt/format.h>

#include <algorithm>
#include <pugixml.hpp>
#include <sstream>

#include "builder/virt/native_host.hpp"
#include "builder/virt/virt_error.hpp"

namespace imgforge::virt {

namespace {

NetworkHandle find_network(NativeHost& host, const std::string& name) {
    NetworkHandle network(virNetworkLookupByName(host.raw(), name.c_str()));
    if (!network) {
        throw_last_virt_error(fmt::format("find network '{}'", name));
    }
    return network;
}

std::string forward_mode(virNetworkPtr network) {
    const Handle<char, free> xml(virNetworkGetXMLDesc(network, 0));
    pugi::xml_document document;
    if (!xml || !document.load_string(xml.get())) {
        return {};
    }
    const auto forward = document.child("network").child("forward");
    return forward ? forward.attribute("mode").as_string("nat") : std::string();
}

Json list(NativeHost& host) {
    virNetworkPtr* raw = nullptr;
    const int count = virConnectListAllNetworks(host.raw(), &raw, 0);
    if (count < 0) {
        throw_last_virt_error("list the networks");
    }
    const Handle<virNetworkPtr, free> array(raw);
    Json rows = Json::array();
    for (int i = 0; i < count; ++i) {
        const NetworkHandle network(raw[i]);
        int autostart = 0;
        static_cast<void>(virNetworkGetAutostart(network.get(), &autostart));
        const Handle<char, free> bridge(virNetworkGetBridgeName(network.get()));
        rows.push_back({{"name", virNetworkGetName(network.get())},
                        {"active", virNetworkIsActive(network.get()) == 1},
                        {"autostart", autostart == 1},
                        {"bridge", bridge ? bridge.get() : ""},
                        {"forward", forward_mode(network.get())}});
    }
    return Json{{"networks", std::move(rows)}};
}

Json leases(NativeHost& host, const Json& request) {
    const NetworkHandle network = find_network(host, request.at("network"));
    const std::string mac = request.at("mac");
    virNetworkDHCPLeasePtr* raw = nullptr;
    const int count = virNetworkGetDHCPLeases(network.get(), mac.c_str(), &raw, 0);
    if (count < 0) {
        throw_last_virt_error("read the DHCP leases");
    }
    std::vector<std::pair<long long, std::string>> found;
    for (int i = 0; i < count; ++i) {
        found.emplace_back(raw[i]->expirytime, raw[i]->ipaddr != nullptr ? raw[i]->ipaddr : "");
        virNetworkDHCPLeaseFree(raw[i]);
    }
    free(raw);  // NOLINT: allocated by libvirt with malloc
    std::sort(found.rbegin(), found.rend());
    Json addresses = Json::array();
    for (const auto& [expiry, address] : found) {
        addresses.push_back(address);
    }
    return Json{{"addresses", std::move(addresses)}};
}

/// `<host mac= name= ip=>` as virNetworkUpdate wants it.
std::string host_xml(const Json& request) {
    pugi::xml_document document;
    auto node = document.append_child("host");
    for (const char* const key : {"mac", "name", "ip"}) {
        if (request.contains(key)) {
            node.append_attribute(key) = request.at(key).get<std::string>().c_str();
        }
    }
    std::ostringstream out;
    document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
    return out.str();
}

Json reservation(NativeHost& host, const Json& request, bool add) {
    const NetworkHandle network = find_network(host, request.at("network"));
    const std::string xml = host_xml(request);
    // A transient network has no configuration that could be changed.
    const unsigned flags =
        (virNetworkIsPersistent(network.get()) == 1 ? unsigned{VIR_NETWORK_UPDATE_AFFECT_CONFIG} : 0U) |
        (virNetworkIsActive(network.get()) == 1 ? unsigned{VIR_NETWORK_UPDATE_AFFECT_LIVE} : 0U);
    const unsigned command = add ? VIR_NETWORK_UPDATE_COMMAND_ADD_LAST : VIR_NETWORK_UPDATE_COMMAND_DELETE;
    if (virNetworkUpdate(network.get(), command, VIR_NETWORK_SECTION_IP_DHCP_HOST, -1, xml.c_str(), flags) <
            0 &&
        add) {
        throw_virt_error(last_virt_error(), [&] {
            return fmt::format("reserve an address on network '{}'", virNetworkGetName(network.get()));
        });
    }
    return Json::object();
}

}  // namespace

Json network_operation(NativeHost& host, const std::string& op, const Json& request) {
    if (op == "network-list") {
        return list(host);
    }
    if (op == "network-leases") {
        return leases(host, request);
    }
    if (op == "network-reserve" || op == "network-forget") {
        return reservation(host, request, op == "network-reserve");
    }
    const NetworkHandle network = find_network(host, request.at("network"));
    if (op == "network-autostart") {
        if (virNetworkSetAutostart(network.get(), request.at("on").get<bool>() ? 1 : 0) < 0) {
            throw_virt_error(last_virt_error(), [&] {
                return fmt::format("set autostart of network '{}'", virNetworkGetName(network.get()));
            });
        }
        return Json::object();
    }
    if (virNetworkIsActive(network.get()) != 1 && virNetworkCreate(network.get()) < 0) {
        throw_virt_error(last_virt_error(),
                         [&] { return fmt::format("start network '{}'", virNetworkGetName(network.get())); });
    }
    return Json::object();
}

}  // namespace imgforge::virt
