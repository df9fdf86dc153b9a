// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/device_resolver.hpp"

#include <strings.h>

#include <charconv>
#include <regex>

namespace imgforge::guest {

namespace {

bool same_text(const std::string& left, const std::string& right) {
    return ::strcasecmp(left.c_str(), right.c_str()) == 0;
}

bool is_whole_device(const FileSystem& file_system) {
    return !file_system.mountable.starts_with("btrfsvol:");
}

/// device-mapper doubles dashes within names: vg-with-dash/lv -> vg--with--dash-lv (lvm(8)).
std::string mapper_name(const std::string& vg, const std::string& lv) {
    const auto doubled = [](const std::string& name) {
        std::string result;
        for (const char character : name) {
            result.append(character == '-' ? 2 : 1, character);
        }
        return result;
    };
    return doubled(vg) + "-" + doubled(lv);
}

/// udev writes characters that have no place in a name as \xHH (systemd, device_nodes.c).
std::string unescaped(const std::string& name) {
    std::string out;
    for (std::size_t at = 0; at < name.size(); ++at) {
        unsigned value = 0;
        if (name.compare(at, 2, "\\x") == 0 && at + 4 <= name.size() &&
            std::from_chars(name.data() + at + 2, name.data() + at + 4, value, 16).ptr ==
                name.data() + at + 4) {
            out += static_cast<char>(value);
            at += 3;
        } else {
            out += name[at];
        }
    }
    return out;
}

}  // namespace

std::optional<std::string> DeviceResolver::mountable(const FstabEntry& entry) const {
    const auto found = device(entry.spec);
    std::string subvolume = entry.option("subvol");
    if (!found || subvolume.empty()) {
        return found;
    }
    while (!subvolume.empty() && subvolume.front() == '/') {
        subvolume.erase(0, 1);
    }
    return subvolume.empty() ? *found : "btrfsvol:" + *found + "/" + subvolume;
}

std::optional<std::string> DeviceResolver::device(const std::string& spec) const {
    const std::size_t equals = spec.find('=');
    if (equals != std::string::npos && spec.front() != '/') {
        return by(spec.substr(0, equals), spec.substr(equals + 1));
    }
    for (const auto& [folder, tag] :
         {std::pair("/dev/disk/by-uuid/", "UUID"), std::pair("/dev/disk/by-label/", "LABEL"),
          std::pair("/dev/disk/by-partuuid/", "PARTUUID"),
          std::pair("/dev/disk/by-partlabel/", "PARTLABEL")}) {
        if (spec.starts_with(folder)) {
            return by(tag, unescaped(spec.substr(std::string_view(folder).size())));
        }
    }
    for (const std::string_view folder : {"/dev/disk/by-id/", "/dev/disk/by-path/"}) {
        if (spec.starts_with(folder)) {
            return by_hardware(spec.substr(folder.size()));
        }
    }
    return by_name(spec);
}

/// Names that hold the builder's controller or serial number, which no copy of the disk has: what is left is
/// the number of the partition, and names of LVM (udev, 60-persistent-storage.rules, 13-dm-disk.rules).
std::optional<std::string> DeviceResolver::by_hardware(const std::string& link) const {
    if (link.starts_with("dm-name-")) {
        return by_name("/dev/mapper/" + unescaped(link.substr(8)));
    }
    static const std::regex numbered(".+-part([0-9]+)");
    std::smatch match;
    const std::string number = std::regex_match(link, match, numbered) ? match[1].str() : "";
    std::optional<std::string> only;
    for (const FileSystem& file_system : file_systems_) {
        const std::string& name = file_system.mountable;
        if (!is_whole_device(file_system) || !name.starts_with("/dev/sd")) {
            continue;
        }
        if (name.substr(name.find_last_not_of("0123456789") + 1) == number) {
            if (only) {
                return std::nullopt;  // of several disks: a guess would be as likely wrong
            }
            only = name;
        }
    }
    return only;
}

std::optional<std::string> DeviceResolver::by_partition(std::string_view what,
                                                        const std::string& value) const {
    static const std::regex partition("/dev/sd[a-z]+[0-9]+");
    for (const FileSystem& file_system : file_systems_) {
        if (!std::regex_match(file_system.mountable, partition)) {
            continue;
        }
        const bool same = what == "PARTUUID" ? same_text(partition_guid_(file_system.mountable), value)
                                             : partition_name_ && !value.empty() &&
                                                   partition_name_(file_system.mountable) == value;
        if (same) {
            return file_system.mountable;
        }
    }
    return std::nullopt;
}

std::optional<std::string> DeviceResolver::by(std::string_view what, const std::string& value) const {
    for (const FileSystem& file_system : file_systems_) {
        if (!is_whole_device(file_system)) {
            continue;
        }
        if ((what == "UUID" && same_text(file_system.uuid, value)) ||
            (what == "LABEL" && !value.empty() && file_system.label == value)) {
            return file_system.mountable;
        }
    }
    return what == "PARTUUID" || what == "PARTLABEL" ? by_partition(what, value) : std::nullopt;
}

std::optional<std::string> DeviceResolver::by_name(const std::string& path) const {
    std::string wanted = path;
    // The guest's controller gives the disk another name than the appliance's virtio-scsi does.
    static const std::regex disk("/dev/(?:[hsv]d|xvd)([a-z])([0-9]*)|/dev/(?:nvme0n1|mmcblk0)p([0-9]+)");
    std::smatch match;
    if (std::regex_match(path, match, disk)) {
        wanted = match[3].matched ? "/dev/sda" + match[3].str() : "/dev/sd" + match[1].str() + match[2].str();
    }
    static const std::regex volume("/dev/([^/]+)/([^/]+)");
    std::string only_luks;
    int opened = 0;
    for (const FileSystem& file_system : file_systems_) {
        const std::string& name = file_system.mountable;
        if (name == wanted) {
            return name;
        }
        if (std::regex_match(name, match, volume) && match[1] != "mapper" &&
            wanted == "/dev/mapper/" + mapper_name(match[1], match[2])) {
            return name;
        }
        if (name.starts_with("/dev/mapper/imgforge-luks")) {
            only_luks = name;
            ++opened;
        }
    }
    // /dev/mapper/NAME of the guest's crypttab: we opened the container under a name of ours.
    if (wanted.starts_with("/dev/mapper/") && opened == 1) {
        return only_luks;
    }
    return std::nullopt;
}

}  // namespace imgforge::guest
