// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/virt/domain_xml_devices.hpp"

#include <sys/un.h>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/json.hpp"

namespace imgforge::virt {

namespace {

void add_root_ports(pugi::xml_node devices, int count) {
    for (int index = 0; index <= count && count != 0; ++index) {
        auto controller = devices.append_child("controller");
        controller.append_attribute("type") = "pci";
        controller.append_attribute("index") = index;
        controller.append_attribute("model") = index == 0 ? "pcie-root" : "pcie-root-port";
    }
}

void add_log(pugi::xml_node node, const CharacterSpec& host) {
    if (!host.log.empty()) {
        auto log = node.append_child("log");
        log.append_attribute("file") = host.log.c_str();
        log.append_attribute("append") = host.append ? "on" : "off";
    }
}

/// type= and <source> of a serial port or channel.
void set_source(pugi::xml_node node, const CharacterSpec& host) {
    switch (host.kind) {
        case CharacterSpec::Kind::pty: node.append_attribute("type") = "pty"; break;
        case CharacterSpec::Kind::null: node.append_attribute("type") = "null"; break;
        case CharacterSpec::Kind::file: {
            node.append_attribute("type") = "file";
            auto source = node.append_child("source");
            source.append_attribute("path") = host.path.c_str();
            source.append_attribute("append") = host.append ? "on" : "off";
            break;
        }
        case CharacterSpec::Kind::unix_socket: {
            node.append_attribute("type") = "unix";
            auto source = node.append_child("source");
            source.append_attribute("mode") = "bind";
            if (!host.path.empty()) {
                source.append_attribute("path") = host.path.c_str();
            }
            break;
        }
    }
    add_log(node, host);
}

void add_serials(pugi::xml_node devices, const DomainSpec& spec) {
    int port = 0;
    for (const CharacterSpec& host : spec.serials) {
        auto serial = devices.append_child("serial");
        set_source(serial, host);
        auto target = serial.append_child("target");
        target.append_attribute("type") = "isa-serial";
        target.append_attribute("port") = port++;
    }
}

void add_channels(pugi::xml_node devices, const DomainSpec& spec) {
    for (const ChannelSpec& item : spec.channels) {
        auto channel = devices.append_child("channel");
        set_source(channel, item.host);
        auto target = channel.append_child("target");
        target.append_attribute("type") = "virtio";
        target.append_attribute("name") = item.name.c_str();
    }
}

void add_filesystem(pugi::xml_node devices, const FilesystemSpec& item) {
    auto filesystem = devices.append_child("filesystem");
    filesystem.append_attribute("type") = "mount";
    filesystem.append_attribute("accessmode") =
        item.driver == FilesystemSpec::Driver::virtiofs ? "passthrough" : "mapped";
    if (item.driver == FilesystemSpec::Driver::virtiofs) {
        filesystem.append_child("driver").append_attribute("type") = "virtiofs";
    }
    filesystem.append_child("source").append_attribute("dir") = item.source.c_str();
    filesystem.append_child("target").append_attribute("dir") = item.tag.c_str();
    if (item.readonly) {
        filesystem.append_child("readonly");
    }
}

void add_small_devices(pugi::xml_node devices, const DomainSpec& spec) {
    if (spec.rng) {
        auto rng = devices.append_child("rng");
        rng.append_attribute("model") = "virtio";
        auto backend = rng.append_child("backend");
        backend.append_attribute("model") = "random";
        backend.text().set("/dev/urandom");
    }
    if (!spec.graphics.empty()) {
        auto graphics = devices.append_child("graphics");
        graphics.append_attribute("type") = spec.graphics.c_str();
        graphics.append_attribute("autoport") = "yes";
        graphics.append_attribute("listen") = "127.0.0.1";
    }
    if (spec.video || !spec.graphics.empty()) {
        auto video = devices.append_child("video").append_child("model");
        video.append_attribute("type") = "vga";
    } else {
        devices.append_child("video").append_child("model").append_attribute("type") = "none";
    }
    auto balloon = devices.append_child("memballoon");
    balloon.append_attribute("model") = spec.balloon ? "virtio" : "none";
    if (spec.balloon && spec.free_page_reporting) {
        balloon.append_attribute("freePageReporting") = "on";
    }
    if (spec.tpm) {
        auto tpm = devices.append_child("tpm");
        tpm.append_attribute("model") = "tpm-crb";
        auto backend = tpm.append_child("backend");
        backend.append_attribute("type") = "emulator";
        backend.append_attribute("version") = "2.0";
    }
    if (spec.panic_device) {
        devices.append_child("panic").append_attribute("model") = "isa";
    }
}

bool given_to_qemu(const NicSpec& nic) {
    return nic.kind == NicSpec::Kind::user && (!nic.forwards.empty() || nic.restricted);
}

}  // namespace

void check_socket_path(const CharacterSpec& host) {
    if (host.kind == CharacterSpec::Kind::unix_socket &&
        host.path.native().size() >= sizeof(sockaddr_un::sun_path)) {
        throw Error(Failure::domain,
                    fmt::format("socket path of {} bytes is too long (at most 107): {}",
                                host.path.native().size(), host.path.string()),
                    "use a shorter IMGFORGE_HOME");
    }
}

void add_nic(pugi::xml_node devices, const NicSpec& item) {
    auto nic = devices.append_child("interface");
    nic.append_attribute("type") = item.kind == NicSpec::Kind::network  ? "network"
                                   : item.kind == NicSpec::Kind::bridge ? "bridge"
                                                                        : "user";
    if (!item.mac.empty()) {
        nic.append_child("mac").append_attribute("address") = item.mac.c_str();
    }
    if (item.kind != NicSpec::Kind::user) {
        const char* const attribute = item.kind == NicSpec::Kind::network ? "network" : "bridge";
        nic.append_child("source").append_attribute(attribute) = item.source.c_str();
        if (item.vlan) {
            nic.append_child("vlan").append_child("tag").append_attribute("id") = *item.vlan;
        }
        if (!item.filter.empty()) {
            nic.append_child("filterref").append_attribute("filter") = item.filter.c_str();
        }
    }
    nic.append_child("model").append_attribute("type") = item.model.c_str();
    nic.append_child("link").append_attribute("state") = item.link_up ? "up" : "down";
    // No option ROM: netboot is never wanted, and loading it costs a second of every boot.
    nic.append_child("rom").append_attribute("enabled") = "no";
    add_port_address(nic, item.port);
}

std::vector<std::string> user_nic_arguments(const DomainSpec& spec) {
    std::vector<std::string> arguments;
    // libvirt does not know of these cards and gives the slots of the root bus from 1 on to its root ports:
    // without an address QEMU would take slot 1 and the machine would not start. From 0x10 on, below q35's
    // own devices at 0x1f, nothing is given away.
    constexpr int first_user_slot = 0x10;
    int index = 0;
    for (const NicSpec& nic : spec.nics) {
        if (!given_to_qemu(nic)) {
            continue;
        }
        const std::string id = fmt::format("imgforge-net{}", index++);
        // qemu(1): "restrict=on … does not affect any explicitly set forwarding rules".
        std::string netdev = fmt::format("user,id={}{}", id, nic.restricted ? ",restrict=on" : "");
        for (const PortForward& forward : nic.forwards) {
            netdev += fmt::format(",hostfwd={}:{}:{}-:{}", forward.protocol, forward.host_address,
                                  forward.host_port, forward.guest_port);
        }
        // JSON as libvirt's own devices (QEMU 6.2): QEMU makes all devices in key=value form first, when
        // no root ports exist yet.
        const Json device = {{"driver", nic.model == "virtio" ? "virtio-net-pci" : nic.model},
                             {"netdev", id},
                             {"mac", nic.mac},
                             {"romfile", ""},
                             // libvirt's root port N is QEMU's bus "pci.N".
                             {"bus", nic.port ? fmt::format("pci.{}", *nic.port) : "pcie.0"},
                             {"addr", nic.port ? "0x0" : fmt::format("{:#x}", first_user_slot + index - 1)}};
        arguments.insert(arguments.end(), {"-netdev", netdev, "-device", device.dump()});
    }
    return arguments;
}

void add_devices(pugi::xml_node devices, const DomainSpec& spec) {
    add_root_ports(devices, spec.root_ports);
    for (const DiskSpec& disk : spec.disks) {
        add_disk(devices, disk);
    }
    for (const FilesystemSpec& filesystem : spec.filesystems) {
        add_filesystem(devices, filesystem);
    }
    for (const NicSpec& nic : spec.nics) {
        if (!given_to_qemu(nic)) {
            add_nic(devices, nic);
        }
    }
    add_serials(devices, spec);
    add_channels(devices, spec);
    add_small_devices(devices, spec);
}

}  // namespace imgforge::virt
