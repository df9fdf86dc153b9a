// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/lab/lab_network.hpp"

// Networks of labs. A lab's network is known by its name, "imgforge-LAB-NAME".

#include <pugixml.hpp>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/digest.hpp"
#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"
#include "builder/virt/libvirt_library.hpp"
#include "builder/virt/virt_error.hpp"
#include "pipelines/lifecycle/lab/lab.hpp"

namespace imgforge::lifecycle {
namespace {

using LibvirtNetwork = Handle<virNetwork, &virNetworkFree>;

virConnectPtr connection_for(ConnectionPool& connections, const LabNetwork& network) {
    if (connections.choice().embedded()) {
        throw Error(Failure::host,
                    fmt::format("the embedded driver has no networks, and the lab wants '{}'", network.name),
                    "apt-get install libvirt-daemon-system, or use --connect; machines on `user` need none");
    }
    return connections.open_uri(connections.choice().uri).raw();
}

/// The first three numbers of the subnet. One that is not stated follows from the name, above what libvirt
/// and virt-manager give away themselves.
std::string prefix_of(const LabNetwork& network) {
    if (!network.subnet.empty()) {
        return network.subnet.substr(0, network.subnet.rfind('.'));
    }
    constexpr unsigned first = 180;
    constexpr unsigned count = 70;
    const std::string digest = sha256_hex(network.domain);
    return fmt::format("192.168.{}",
                       first + static_cast<unsigned>(std::stoul(digest.substr(0, 6), nullptr, 16)) % count);
}

std::string network_xml(const LabNetwork& network) {
    const std::string prefix = prefix_of(network);
    pugi::xml_document document;
    auto node = document.append_child("network");
    node.append_child("name").text().set(network.domain.c_str());
    if (!network.isolated) {
        node.append_child("forward").append_attribute("mode") = "nat";
    }
    node.append_child("dns").append_attribute("enable") = "yes";
    auto ip = node.append_child("ip");
    ip.append_attribute("address") = (prefix + ".1").c_str();
    ip.append_attribute("netmask") = "255.255.255.0";
    auto range = ip.append_child("dhcp").append_child("range");
    range.append_attribute("start") = (prefix + ".2").c_str();
    range.append_attribute("end") = (prefix + ".254").c_str();
    std::ostringstream out;
    document.save(out, "", pugi::format_raw | pugi::format_no_declaration);
    return out.str();
}

}  // namespace

bool provide_network(ConnectionPool& connections, const LabNetwork& network) {
    virConnectPtr raw = connection_for(connections, network);
    LibvirtNetwork found(virNetworkLookupByName(raw, network.domain.c_str()));
    const bool made = !found;
    if (made) {
        found.reset(virNetworkDefineXML(raw, network_xml(network).c_str()));
        if (!found) {
            virt::throw_last_virt_error(fmt::format("define the network '{}'", network.domain));
        }
    }
    if (virNetworkIsActive(found.get()) != 1 && virNetworkCreate(found.get()) != 0) {
        virt::throw_last_virt_error(fmt::format("start the network '{}'", network.domain));
    }
    static_cast<void>(virNetworkSetAutostart(found.get(), 1));
    return made;
}

bool remove_network(ConnectionPool& connections, const LabNetwork& network) {
    if (connections.choice().embedded()) {
        return false;
    }
    const LibvirtNetwork found(
        virNetworkLookupByName(connection_for(connections, network), network.domain.c_str()));
    if (!found) {
        return false;
    }
    if (virNetworkIsActive(found.get()) == 1 && virNetworkDestroy(found.get()) != 0) {
        virt::throw_last_virt_error(fmt::format("stop the network '{}'", network.domain));
    }
    if (virNetworkUndefine(found.get()) != 0) {
        virt::throw_last_virt_error(fmt::format("remove the network '{}'", network.domain));
    }
    return true;
}

}  // namespace imgforge::lifecycle
