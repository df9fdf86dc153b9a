// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/network_subnet.hpp"

#include <arpa/inet.h>

#include <optional>

#include <fmt/format.h>
#include <pugixml.hpp>

namespace imgforge::virt {
namespace {

/// In host order.
std::optional<std::uint32_t> ipv4(const char* text) {
    in_addr address{};
    if (inet_pton(AF_INET, text, &address) != 1) {
        return {};
    }
    return ntohl(address.s_addr);
}

/// `prefix=` or `netmask=`; without both a host route, as libvirt reads it.
std::uint32_t netmask(pugi::xml_node ip) {
    if (const auto mask = ipv4(ip.attribute("netmask").value())) {
        return *mask;
    }
    const unsigned prefix = ip.attribute("prefix").as_uint(32);
    return prefix == 0 ? 0 : ~std::uint32_t{0} << (32U - (prefix > 32 ? 32U : prefix));
}

int bits(std::uint32_t mask) {
    int count = 0;
    for (; mask != 0; mask <<= 1U) {
        ++count;
    }
    return count;
}

std::string text(std::uint32_t address) {
    return fmt::format("{}.{}.{}.{}", address >> 24U, (address >> 16U) & 255U, (address >> 8U) & 255U,
                       address & 255U);
}

}  // namespace

std::string address_problem(std::string_view network_xml, const std::string& ip) {
    pugi::xml_document document;
    const auto wanted = ipv4(ip.c_str());
    if (!document.load_buffer(network_xml.data(), network_xml.size()) || !wanted) {
        return fmt::format("'{}' is not an IPv4 address", ip);
    }
    std::string subnets;
    for (const auto node : document.child("network").children("ip")) {
        const auto host = ipv4(node.attribute("address").value());
        if (!host) {
            continue;  // IPv6
        }
        const std::uint32_t mask = netmask(node);
        if ((*wanted & mask) == (*host & mask)) {
            if (*wanted == *host) {
                return fmt::format("{} is the host's own address there", ip);
            }
            const bool special = *wanted == (*host & mask) || *wanted == (*host | ~mask);
            return special ? fmt::format("{} is the network or broadcast address there", ip) : "";
        }
        subnets += fmt::format("{}{}/{}", subnets.empty() ? "" : ", ", text(*host & mask), bits(mask));
    }
    return subnets.empty() ? "libvirt hands out no IPv4 addresses there"
                           : fmt::format("{} is outside its subnet {}", ip, subnets);
}

}  // namespace imgforge::virt
