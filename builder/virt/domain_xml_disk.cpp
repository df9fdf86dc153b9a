// SPDX-License-Identifier: GPL-3.0-or-later
// One <disk>: a file with its whole chain, or an image in a Ceph pool.
#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/virt/domain_xml_devices.hpp"

namespace imgforge::virt {

namespace {

void check_disk_file(const std::filesystem::path& path, const std::string& format) {
    if (!path.is_absolute()) {
        throw Error(Failure::domain, fmt::format("disk path '{}' is not absolute", path.string()));
    }
    if (format != "qcow2" && format != "raw") {
        throw Error(Failure::domain, fmt::format("disk '{}' has format '{}'; qcow2 or raw must be stated",
                                                 path.string(), format));
    }
}

/// Seconds in which a server that went away may come back before a request fails.
constexpr const char* reconnect_seconds = "30";

void add_nbd_source(pugi::xml_node parent, const std::filesystem::path& socket) {
    auto source = parent.append_child("source");
    source.append_attribute("protocol") = "nbd";
    auto host = source.append_child("host");
    host.append_attribute("transport") = "unix";
    host.append_attribute("socket") = socket.c_str();
    source.append_child("reconnect").append_attribute("delay") = reconnect_seconds;
}

/// An explicit chain down to an empty <backingStore/>: libvirt then opens no image to look for backing files.
void add_backing(pugi::xml_node parent, const std::vector<BackingFile>& chain) {
    for (const BackingFile& file : chain) {
        const bool served = !file.nbd_socket.empty();
        check_disk_file(served ? file.nbd_socket : file.path, file.format);
        parent = parent.append_child("backingStore");
        parent.append_attribute("type") = served ? "network" : "file";
        parent.append_child("format").append_attribute("type") = file.format.c_str();
        if (served) {
            add_nbd_source(parent, file.nbd_socket);
        } else {
            parent.append_child("source").append_attribute("file") = file.path.c_str();
        }
    }
    parent.append_child("backingStore");
}

void add_ceph_source(pugi::xml_node disk, const CephDisk& ceph) {
    if (!ceph.secret.empty()) {
        auto auth = disk.append_child("auth");
        auth.append_attribute("username") = ceph.user.c_str();
        auto secret = auth.append_child("secret");
        secret.append_attribute("type") = "ceph";
        secret.append_attribute("usage") = ceph.secret.c_str();
    }
    auto source = disk.append_child("source");
    source.append_attribute("protocol") = "rbd";
    source.append_attribute("name") = ceph.image.c_str();
    source.append_child("config").append_attribute("file") = ceph.config.c_str();
}

void add_driver(pugi::xml_node disk, const DiskSpec& item) {
    auto driver = disk.append_child("driver");
    driver.append_attribute("name") = "qemu";
    driver.append_attribute("type") = item.ceph ? "raw" : item.format.c_str();
    if (!item.cache.empty()) {
        driver.append_attribute("cache") = item.cache.c_str();
    }
    if (item.stop_on_error) {
        driver.append_attribute("error_policy") = "stop";
        driver.append_attribute("rerror_policy") = "stop";
    }
    if (item.discard && !item.readonly && item.device != DiskSpec::Device::cdrom) {
        driver.append_attribute("discard") = "unmap";
        driver.append_attribute("detect_zeroes") = "unmap";
    }
}

}  // namespace

void add_port_address(pugi::xml_node device, const std::optional<int>& port) {
    if (!port) {
        return;
    }
    auto address = device.append_child("address");
    address.append_attribute("type") = "pci";
    address.append_attribute("domain") = "0x0000";
    address.append_attribute("bus") = fmt::format("{:#04x}", *port).c_str();
    address.append_attribute("slot") = "0x00";
    address.append_attribute("function") = "0x0";
}

void add_disk(pugi::xml_node devices, const DiskSpec& item) {
    const bool cdrom = item.device == DiskSpec::Device::cdrom;
    auto disk = devices.append_child("disk");
    disk.append_attribute("type") = item.ceph ? "network" : "file";
    disk.append_attribute("device") = cdrom ? "cdrom" : "disk";
    add_driver(disk, item);
    if (item.ceph) {
        add_ceph_source(disk, *item.ceph);
    } else {
        check_disk_file(item.path, item.format);
        disk.append_child("source").append_attribute("file") = item.path.c_str();
        add_backing(disk, item.backing);
    }
    auto target = disk.append_child("target");
    target.append_attribute("dev") = item.target.c_str();
    target.append_attribute("bus") = item.bus.c_str();
    if (item.readonly || cdrom) {
        disk.append_child("readonly");
    }
    if (!item.serial.empty()) {
        disk.append_child("serial").text().set(item.serial.c_str());
    }
    if (item.boot_order) {
        disk.append_child("boot").append_attribute("order") = *item.boot_order;
    }
    add_port_address(disk, item.port);
}

}  // namespace imgforge::virt
