// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_takeover.hpp"

#include <fmt/format.h>

#include <algorithm>
#include <array>
#include <pugixml.hpp>
#include <sstream>
#include <vector>

#include "builder/base/error.hpp"

namespace imgforge::virt {
namespace {

pugi::xml_node load(pugi::xml_document& document, std::string_view xml) {
    const auto parsed = document.load_buffer(xml.data(), xml.size());
    const auto domain = document.child("domain");
    if (!parsed || !domain) {
        throw Error(Failure::domain, fmt::format("not the XML of a domain: {}",
                                                 parsed ? "no <domain> element" : parsed.description()));
    }
    return domain;
}

std::string saved_text(const pugi::xml_document& document) {
    std::ostringstream out;
    document.save(out, "  ", pugi::format_default | pugi::format_no_declaration);
    return out.str();
}

/// A top-level element with text, as wanted; missing there: left as it is.
void take_text(pugi::xml_node present, pugi::xml_node wanted, const char* name) {
    const auto source = wanted.child(name);
    if (!source) {
        return;
    }
    auto target = present.child(name);
    if (!target) {
        // The schema interleaves these, so the place does not matter.
        target = present.insert_child_after(name, present.child("uuid"));
    }
    target.text().set(source.text().get());
}

pugi::xml_node our_metadata(pugi::xml_node domain) {
    for (const auto node : domain.child("metadata").children()) {
        if (std::string_view(node.name()).ends_with(":machine")) {
            return node;
        }
    }
    return {};
}

void take_metadata(pugi::xml_node present, pugi::xml_node wanted) {
    const auto source = our_metadata(wanted);
    if (!source) {
        return;
    }
    auto metadata = present.child("metadata");
    if (!metadata) {
        metadata = present.append_child("metadata");
    }
    if (auto old = our_metadata(present)) {
        metadata.remove_child(old);
    }
    metadata.append_copy(source);
}

/// Of a disk in a Ceph pool its name there.
std::string_view file_of(pugi::xml_node disk) {
    const auto source = disk.child("source");
    return source.attribute(source.attribute("protocol") ? "name" : "file").value();
}

pugi::xml_node same_disk(pugi::xml_node devices, pugi::xml_node wanted) {
    for (const auto disk : devices.children("disk")) {
        if (file_of(disk) == file_of(wanted)) {
            return disk;
        }
    }
    return {};
}

bool target_used(pugi::xml_node devices, std::string_view target) {
    const auto disks = devices.children("disk");
    return std::any_of(disks.begin(), disks.end(), [&](pugi::xml_node disk) {
        return std::string_view(disk.child("target").attribute("dev").value()) == target;
    });
}

/// `wanted`, or the first free name of its kind.
std::string free_target(pugi::xml_node devices, std::string_view wanted) {
    std::string name(wanted);
    for (char letter = 'a'; letter <= 'z' && target_used(devices, name); ++letter) {
        name = std::string("vd") + letter;
    }
    return name;
}

void take_disks(pugi::xml_node present, pugi::xml_node wanted, bool add_missing) {
    for (const auto want : wanted.children("disk")) {
        auto have = same_disk(present, want);
        if (have) {
            while (have.remove_child("backingStore")) {
            }
            have.append_copy(want.child("backingStore"));
            const auto type = want.child("driver").attribute("type");
            have.child("driver").attribute("type") = type.value();
        } else if (add_missing) {
            const std::string target = free_target(present, want.child("target").attribute("dev").value());
            present.append_copy(want).child("target").attribute("dev") = target.c_str();
        }
    }
}

void take_nics(pugi::xml_node present, pugi::xml_node wanted, bool add_missing) {
    if (!add_missing) {
        return;
    }
    const auto mac = [](pugi::xml_node nic) {
        return std::string(nic.child("mac").attribute("address").value());
    };
    for (const auto want : wanted.children("interface")) {
        const auto have = present.children("interface");
        if (std::none_of(have.begin(), have.end(), [&](auto nic) { return mac(nic) == mac(want); })) {
            present.append_copy(want);
        }
    }
}

constexpr const char* command_line = "qemu:commandline";

/// "-netdev user,id=imgforge-net0": what an argument of ours is recognised by; empty: not one of ours.
std::string own_card(std::string_view argument) {
    constexpr std::string_view start = "user,id=imgforge-net";
    return argument.starts_with(start) ? std::string(argument.substr(0, argument.find(',', start.size())))
                                       : std::string();
}

/// Writes the argument of a card that `present` has; false: it has none such.
bool replace_card(pugi::xml_node present, const std::string& value) {
    for (auto have : present.child(command_line).children("qemu:arg")) {
        if (own_card(have.attribute("value").value()) == own_card(value)) {
            have.attribute("value") = value.c_str();
            return true;
        }
    }
    return false;
}

void add_argument(pugi::xml_node present, const std::string& value) {
    if (!present.child(command_line)) {
        present.append_attribute("xmlns:qemu") = "http://libvirt.org/schemas/domain/qemu/1.0";
        present.append_child(command_line);
    }
    present.child(command_line).append_child("qemu:arg").append_attribute("value") = value.c_str();
}

/// Arguments of user networks: their forwarded ports may have changed. Ours are "-netdev X -device Y" each.
void take_cards(pugi::xml_node present, pugi::xml_node wanted, bool add_missing) {
    std::vector<std::string> arguments;
    for (const auto want : wanted.child(command_line).children("qemu:arg")) {
        arguments.emplace_back(want.attribute("value").value());
    }
    for (std::size_t i = 0; i + 3 < arguments.size(); ++i) {
        if (own_card(arguments[i + 1]).empty() || replace_card(present, arguments[i + 1]) || !add_missing) {
            continue;
        }
        for (std::size_t k = 0; k < 4; ++k) {
            add_argument(present, arguments[i + k]);
        }
    }
}

/// KVM came or went on this host. A CPU that somebody chose stays.
void take_acceleration(pugi::xml_node present, pugi::xml_node wanted) {
    auto type = present.attribute("type");
    const std::string_view want = wanted.attribute("type").value();
    if (type.value() == want) {
        return;
    }
    type = wanted.attribute("type").value();
    const std::string_view mode = present.child("cpu").attribute("mode").value();
    if (mode == "host-passthrough" || mode == "maximum") {
        present.insert_copy_after(wanted.child("cpu"), present.child("cpu"));
        present.remove_child("cpu");
    }
}

/// Attributes that hold paths of a machine's directory, by element.
constexpr std::array path_attributes{std::pair("source", "file"), std::pair("source", "path"),
                                     std::pair("log", "file"), std::pair("source", "dir")};

void move_paths(pugi::xml_node node, const std::string& from, const std::string& to) {
    for (const auto& [element, name] : path_attributes) {
        auto attribute =
            std::string_view(node.name()) == element ? node.attribute(name) : pugi::xml_attribute();
        const std::string value = attribute.value();
        if (value.starts_with(from)) {
            attribute = (to + value.substr(from.size())).c_str();
        }
    }
    if (std::string_view(node.name()) == "nvram" && std::string_view(node.text().get()).starts_with(from)) {
        node.text().set((to + std::string(node.text().get()).substr(from.size())).c_str());
    }
    for (const auto child : node.children()) {
        move_paths(child, from, to);
    }
}

}  // namespace

std::string carried_over_xml(std::string_view present, std::string_view wanted, bool add_missing) {
    pugi::xml_document document;
    pugi::xml_document model;
    const auto have = load(document, present);
    const auto want = load(model, wanted);
    for (const char* const name : {"name", "uuid", "genid", "title", "description"}) {
        take_text(have, want, name);
    }
    take_metadata(have, want);
    take_acceleration(have, want);
    take_disks(have.child("devices"), want.child("devices"), add_missing);
    take_nics(have.child("devices"), want.child("devices"), add_missing);
    take_cards(have, want, add_missing);
    return saved_text(document);
}

std::string replaced_disk_xml(std::string_view present, const std::filesystem::path& from,
                              const std::filesystem::path& to) {
    pugi::xml_document document;
    const auto domain = load(document, present);
    for (pugi::xml_node disk : domain.child("devices").children("disk")) {
        if (file_of(disk) == from.native()) {
            disk.child("source").attribute("file") = to.c_str();
            while (disk.remove_child("backingStore")) {
            }
        }
    }
    return saved_text(document);
}

std::string moved_domain_xml(std::string_view present, const std::string& name,
                             const std::filesystem::path& from, const std::filesystem::path& to) {
    pugi::xml_document document;
    const auto domain = load(document, present);
    domain.child("name").text().set(name.c_str());
    move_paths(domain, from.native() + "/", to.native() + "/");
    return saved_text(document);
}

}  // namespace imgforge::virt
