// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/resumed_memory.hpp"

#include <pugixml.hpp>
#include <sstream>

#include "builder/base/error.hpp"
#include "builder/base/json.hpp"

namespace imgforge::virt {
namespace {

/// `-object` and its value stay, as memory of the machine's own.
bool own_memory(pugi::xml_attribute value) {
    Json object = Json::parse(value.value(), nullptr, false);
    if (!object.is_object() || object.value("qom-type", "") != "memory-backend-file") {
        return false;
    }
    object["qom-type"] = "memory-backend-ram";
    object.erase("mem-path");
    object.erase("share");
    value.set_value(object.dump().c_str());
    return true;
}

bool change_arguments(pugi::xml_node arguments) {
    bool changed = false;
    for (auto argument = arguments.child("qemu:arg"); argument;) {
        auto next = argument.next_sibling("qemu:arg");
        if (std::string_view(argument.attribute("value").value()) == "-incoming") {
            const auto behind = next.next_sibling("qemu:arg");
            arguments.remove_child(next);
            arguments.remove_child(argument);
            next = behind;
            changed = true;
        } else {
            changed = own_memory(argument.attribute("value")) || changed;
        }
        argument = next;
    }
    return changed;
}

}  // namespace

std::optional<std::string> restartable_snapshot_xml(std::string_view xml) {
    pugi::xml_document document;
    if (!document.load_buffer(xml.data(), xml.size())) {
        throw Error(Failure::domain, "libvirt's description of a snapshot cannot be read as XML");
    }
    bool changed = false;
    for (const auto& found : document.select_nodes("//qemu:commandline")) {
        changed = change_arguments(found.node()) || changed;
    }
    if (!changed) {
        return std::nullopt;
    }
    std::ostringstream out;
    document.save(out, "  ", pugi::format_default | pugi::format_no_declaration);
    return out.str();
}

}  // namespace imgforge::virt
