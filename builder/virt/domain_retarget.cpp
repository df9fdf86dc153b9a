// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_retarget.hpp"

#include <fmt/format.h>

#include <pugixml.hpp>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/virt/domain_spec.hpp"

namespace imgforge::virt {
namespace {

void set_text(pugi::xml_node domain, const char* name, const std::string& value) {
    auto node = domain.child(name);
    if (!node) {
        node = domain.append_child(name);
    }
    node.text().set(value.c_str());
}

void set_attribute(pugi::xml_node node, const char* name, const std::string& value) {
    auto attribute = node.attribute(name);
    if (!attribute) {
        attribute = node.append_attribute(name);
    }
    attribute = value.c_str();
}

void replace_metadata(pugi::xml_node domain, const Retarget& target) {
    domain.remove_child("title");
    domain.remove_child("metadata");
    if (target.metadata.empty()) {
        return;
    }
    auto machine = domain.append_child("metadata").append_child("imgforge:machine");
    machine.append_attribute("xmlns:imgforge") = metadata_namespace;
    for (const auto& [key, value] : target.metadata) {
        machine.append_attribute(key.c_str()) = value.c_str();
    }
}

void replace_disks(pugi::xml_node devices, const Retarget& target) {
    auto missing = target.disks;
    for (const auto disk : devices.children("disk")) {
        const std::string name = disk.child("target").attribute("dev").value();
        const auto found = target.disks.find(name);
        if (found != target.disks.end()) {
            set_attribute(disk.child("source"), "file", found->second.string());
            missing.erase(name);
        } else if (!disk.child("readonly")) {
            throw Error(
                Failure::domain,
                fmt::format("disk {} of domain '{}' would be written by two machines", name, target.name));
        }
    }
    if (!missing.empty()) {
        throw Error(Failure::domain, fmt::format("the other domain has no disk {} for '{}'",
                                                 missing.begin()->first, target.name));
    }
}

/// A serial port, or the <console> that libvirt shows beside the first one.
void redirect(pugi::xml_node port, const Retarget& target) {
    port.remove_child("source");
    port.remove_child("log");
    port.remove_attribute("tty");
    set_attribute(port, "type", target.console_socket.empty() ? "pty" : "unix");
    if (!target.console_socket.empty()) {
        auto source = port.prepend_child("source");
        source.append_attribute("mode") = "bind";
        source.append_attribute("path") = target.console_socket.c_str();
    }
    if (!target.console_log.empty()) {
        auto log = port.append_child("log");
        log.append_attribute("file") = target.console_log.c_str();
        log.append_attribute("append") = "on";
    }
}

}  // namespace

std::string retarget_domain_xml(std::string_view xml, const Retarget& target) {
    pugi::xml_document document;
    const auto parsed = document.load_buffer(xml.data(), xml.size());
    auto domain = document.child("domain");
    if (!parsed || !domain) {
        throw Error(Failure::domain, fmt::format("not the XML of a domain: {}",
                                                 parsed ? "no <domain> element" : parsed.description()));
    }
    set_text(domain, "name", target.name);
    set_text(domain, "uuid", target.uuid);
    set_text(domain, "genid", target.generation_id);
    replace_metadata(domain, target);
    while (domain.remove_child("seclabel")) {
    }
    auto devices = domain.child("devices");
    replace_disks(devices, target);
    for (const char* const kind : {"serial", "console"}) {
        for (const auto port : devices.children(kind)) {
            redirect(port, target);
        }
    }
    for (auto channel : devices.children("channel")) {
        channel.remove_child("source");  // libvirt chose the other domain's socket, and chooses this one's
    }
    std::ostringstream out;
    document.save(out, "  ", pugi::format_default | pugi::format_no_declaration);
    return out.str();
}

}  // namespace imgforge::virt
