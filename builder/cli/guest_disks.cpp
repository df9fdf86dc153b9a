// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/cli/guest_disks.hpp"

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/cli/image_argument.hpp"
#include "builder/cli/machine_options.hpp"
#include "builder/virt/domain_xml.hpp"
#include "pipelines/stages/offline_group.hpp"

namespace imgforge::cli {

namespace {

virt::Domain domain_named(lifecycle::Lifecycle& machines, const std::string& name) {
    const auto record = machines.reservations().find(name);
    if (record) {
        if (const auto own = machines.open(*record).find(record->uuid)) {
            return *own;
        }
    } else if (!machines.choice().embedded()) {
        if (const auto other = machines.open_uri(machines.choice().uri).find(name)) {
            return *other;
        }
    }
    throw Error(
        Failure::domain, fmt::format("no domain named '{}'", name),
        "`imgforge list` shows imgforge's machines, `virsh list --all` those of libvirt; --connect URI "
        "names another libvirt");
}

GuestDisks disks_of(CommandContext& context, const std::string& name) {
    lifecycle::Lifecycle machines = machines_of(context);
    const virt::Domain domain = domain_named(machines, name);
    const auto status = domain.status();
    if (!status || status->active()) {
        throw Error(Failure::domain,
                    fmt::format("the domain '{}' is {}", name, status ? status->text() : "gone"),
                    "shut it down first: a disk must not change below a running machine");
    }
    if (domain.managed_save()) {
        throw Error(Failure::domain, fmt::format("the domain '{}' has saved memory", name),
                    "start it and shut it down: it would go on with another disk than it saw");
    }
    GuestDisks disks;
    for (const virt::DomainDisk& disk : virt::read_domain_xml(domain.xml(true)).disks) {
        if (disk.path.empty() || disk.readonly) {
            continue;
        }
        if (disks.image.empty()) {
            disks.image = disk.path;
        } else {
            disks.added.emplace_back(disk.path);
        }
    }
    if (disks.image.empty()) {
        throw Error(Failure::domain, fmt::format("the domain '{}' has no writable disk in a file", name),
                    "name its disks instead of the domain");
    }
    if (const auto record = machines.reservations().find(name)) {
        disks.backing_files = record->backing;
    }
    return disks;
}

}  // namespace

Option added_disk_option() {
    return {.names = {"--add"},
            .value = "DISK",
            .help = "another disk of the same guest (RAID, LVM over several disks)",
            .repeatable = true,
            .completes = Completes::file};
}

std::vector<Option> guest_disk_options() {
    return {added_disk_option(),
            {.names = {"--domain", "-d"},
             .value = "NAME",
             .help = "all disks of this machine, which must be shut off"}};
}

std::vector<Option> guest_opening_options() {
    std::vector<Option> options = image_opening_options();
    options.push_back({.names = {"--passphrase-file"},
                       .value = "FILE",
                       .help = "passphrases of encrypted volumes, one per line",
                       .completes = Completes::file});
    options.push_back({.names = {"--root"},
                       .value = "DEVICE",
                       .help = "root file system, when the image holds several systems"});
    return options;
}

sysprep::ImageRequest image_request(const Arguments& arguments, CommandContext& context) {
    const GuestDisks disks = named_guest(arguments, context);
    sysprep::ImageRequest request;
    request.image = disks.image;
    request.added = disks.added;
    request.passphrase_file = arguments.get_or("passphrase-file", "");
    request.root_device = arguments.get_or("root", "");
    request.accelerator = stages::appliance_accelerator(context.settings, context.places, *context.processes);
    if (const auto format = arguments.get("format")) {
        request.format = image::parse_disk_format(*format);
    }
    request.backing_files = disks.backing_files;
    for (const auto& file : stated_backing_files(arguments)) {
        request.backing_files.push_back(file);
    }
    if (const auto output = arguments.get("output")) {
        request.output = *output;
    }
    return request;
}

GuestDisks named_guest(const Arguments& arguments, CommandContext& context) {
    const auto image = arguments.get("IMAGE");
    const auto domain = arguments.get("domain");
    if (image.has_value() == domain.has_value()) {
        throw Error(Failure::usage, image ? "IMAGE and --domain are mutually exclusive" : "no disk given",
                    "name an IMAGE (and its other disks with --add), or a machine with --domain");
    }
    if (domain) {
        if (!arguments.all("add").empty()) {
            throw Error(Failure::usage, "--add and --domain are mutually exclusive",
                        "the disks of the domain are used");
        }
        return disks_of(context, *domain);
    }
    GuestDisks disks{.image = *image};
    for (const std::string& disk : arguments.all("add")) {
        disks.added.emplace_back(disk);
    }
    return disks;
}

}  // namespace imgforge::cli
