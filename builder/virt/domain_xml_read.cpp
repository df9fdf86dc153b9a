// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_xml.hpp"

#include <algorithm>
#include <array>

#include <fmt/format.h>
#include <pugixml.hpp>

#include "builder/base/error.hpp"

// What a domain's XML says of a machine; domain_xml.cpp writes it.
namespace imgforge::virt {

namespace {

std::uint64_t unit_bytes(std::string_view unit) {
    // libvirt.org/formatdomain.html#memory-allocation; without a unit it is KiB.
    constexpr std::array units{std::pair<std::string_view, std::uint64_t>("b", 1),
                               std::pair<std::string_view, std::uint64_t>("bytes", 1),
                               std::pair<std::string_view, std::uint64_t>("MiB", 1U << 20U),
                               std::pair<std::string_view, std::uint64_t>("M", 1U << 20U),
                               std::pair<std::string_view, std::uint64_t>("GiB", 1U << 30U),
                               std::pair<std::string_view, std::uint64_t>("G", 1U << 30U)};
    for (const auto& [name, bytes] : units) {
        if (unit == name) {
            return bytes;
        }
    }
    return 1024;
}

void read_disks(pugi::xml_node devices, DomainFacts& facts) {
    for (const auto disk : devices.children("disk")) {
        const auto source = disk.child("source");
        const bool ceph = std::string_view(source.attribute("protocol").value()) == "rbd";
        const std::string path = ceph ? std::string("rbd:") + source.attribute("name").value()
                                      : std::string(source.attribute("file").value());
        if (!path.empty()) {
            facts.disk_paths.push_back(path);
        }
        facts.disks.push_back({.target = disk.child("target").attribute("dev").value(),
                               .path = path,
                               .format = disk.child("driver").attribute("type").value(),
                               .serial = disk.child_value("serial"),
                               .readonly = static_cast<bool>(disk.child("readonly"))});
    }
}

/// " at ADDRESS:PORT" of a screen that can be looked at; a definition without a port of its own has none.
std::string where(pugi::xml_node graphics) {
    const int port = graphics.attribute("port").as_int(-1);
    const std::string_view listen = graphics.attribute("listen").as_string("127.0.0.1");
    return std::string_view(graphics.name()) == "graphics" && port > 0
               ? fmt::format(" at {}:{}", listen, port)
               : "";
}

/// Devices of a kind that only users add, with the attribute that tells them apart.
void read_devices(pugi::xml_node devices, DomainFacts& facts) {
    constexpr std::array kinds{
        std::pair("watchdog", "model"), std::pair("hostdev", "type"), std::pair("redirdev", "bus"),
        std::pair("tpm", "model"),      std::pair("sound", "model"),  std::pair("graphics", "type"),
        std::pair("vsock", "model"),    std::pair("shmem", "name"),   std::pair("smartcard", "mode"),
        std::pair("memory", "model"),   std::pair("iommu", "model"),  std::pair("panic", "model"),
        std::pair("parallel", "type"),  std::pair("lease", "")};
    for (const auto& [kind, attribute] : kinds) {
        for (const auto node : devices.children(kind)) {
            facts.devices.push_back(
                fmt::format("{} {}{}", kind, node.attribute(attribute).value(), where(node)));
        }
    }
    for (const auto node : devices.children("filesystem")) {
        facts.devices.push_back(fmt::format("filesystem {}", node.child("target").attribute("dir").value()));
    }
    std::sort(facts.devices.begin(), facts.devices.end());
}

}  // namespace

DomainFacts read_domain_xml(std::string_view xml) {
    pugi::xml_document document;
    const auto parsed = document.load_buffer(xml.data(), xml.size());
    const auto domain = document.child("domain");
    if (!parsed || !domain) {
        throw Error(Failure::domain, fmt::format("not the XML of a domain: {}",
                                                 parsed ? "no <domain> element" : parsed.description()));
    }
    DomainFacts facts{.name = domain.child_value("name"), .uuid = domain.child_value("uuid")};
    for (const auto node : domain.child("metadata").children()) {
        if (std::string_view(node.name()).ends_with(":machine")) {
            for (const auto attribute : node.attributes()) {
                if (!std::string_view(attribute.name()).starts_with("xmlns")) {
                    facts.metadata[attribute.name()] = attribute.value();
                }
            }
        }
    }
    for (const auto nic : domain.child("devices").children("interface")) {
        facts.macs.emplace_back(nic.child("mac").attribute("address").value());
    }
    read_disks(domain.child("devices"), facts);
    read_devices(domain.child("devices"), facts);
    const auto memory = domain.child("memory");
    facts.memory =
        ByteSize::bytes(memory.text().as_ullong() * unit_bytes(memory.attribute("unit").as_string("KiB")));
    facts.vcpus = domain.child("vcpu").text().as_int();
    for (const auto argument : domain.child("qemu:commandline").children("qemu:arg")) {
        const std::string_view value = argument.attribute("value").value();
        // As user_nic_arguments() writes a card, and as people write one by hand.
        for (const std::string_view key : {",mac=", "\"mac\":\""}) {
            if (const auto at = value.find(key); at != std::string_view::npos) {
                facts.macs.emplace_back(value.substr(at + key.size(), 17));
            }
        }
    }
    return facts;
}

}  // namespace imgforge::virt
