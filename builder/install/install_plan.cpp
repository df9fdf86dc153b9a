// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/install/install_plan.hpp"

#include <fmt/format.h>
#include <fmt/ranges.h>

#include <algorithm>
#include <iterator>

#include "builder/base/random.hpp"
#include "builder/virt/embedded_root.hpp"

namespace imgforge::install {

namespace {

virt::CharacterSpec file_end(const std::filesystem::path& path) {
    return {.kind = virt::CharacterSpec::Kind::file, .path = path};
}

virt::DiskSpec cdrom(const std::filesystem::path& path, const char* target) {
    return {.path = path,
            .format = "raw",
            .target = target,
            .bus = "sata",
            .device = virt::DiskSpec::Device::cdrom,
            .readonly = true};
}

}  // namespace

InstallChannels install_channels(const InstallPlan& plan) {
    InstallChannels channels{.console = plan.folder / "serial0.log"};
    for (std::size_t i = 0; i < plan.row->channels.size(); ++i) {
        channels.logs.push_back(plan.folder / fmt::format("channel{}.log", i));
    }
    return channels;
}

std::string with_arguments(const std::string& kernel_line, const std::vector<std::string>& words) {
    const auto dashes = kernel_line.find(" ---");
    const std::string own = " " + kernel_line.substr(0, dashes) + " ";
    std::vector<std::string> missing;
    std::copy_if(words.begin(), words.end(), std::back_inserter(missing),
                 [&](const std::string& word) { return own.find(" " + word + " ") == std::string::npos; });
    if (missing.empty()) {
        return kernel_line;
    }
    const std::string text = fmt::format("{}", fmt::join(missing, " "));
    return dashes == std::string::npos
               ? kernel_line + " " + text
               : kernel_line.substr(0, dashes) + " " + text + kernel_line.substr(dashes);
}

std::vector<std::string> emulation_words(const std::string& kernel_line) {
    if (kernel_line.find(" ---") == std::string::npos) {
        return {};
    }
    // Emulated processors share one clock, but a busy host lets the kernel's check of it fail at boot ("TSCs
    // unsynchronized"), and then every look at the clock is a call into the emulated HPET. Retpolines guard
    // against a processor that is not there.
    return {"tsc=reliable", "mitigations=off"};
}

std::filesystem::path console_socket(const std::filesystem::path& folder) {
    return virt::short_root(folder) / "console.sock";
}

virt::DomainSpec install_domain(const InstallPlan& plan) {
    const InstallChannels channels = install_channels(plan);
    virt::DomainSpec spec{.name = plan.name, .uuid = random_uuid(), .title = "imgforge installation"};
    spec.memory = plan.memory;
    spec.vcpus = plan.vcpus;
    spec.accel = plan.accel;
    spec.processor = plan.row->processor;
    spec.tcg_cache = ByteSize::mib(512);
    spec.firmware = plan.firmware;
    spec.secure_boot = plan.secure_boot;
    if (plan.firmware == virt::DomainSpec::Firmware::uefi) {
        spec.nvram = plan.folder / "nvram.fd";
    }
    spec.boot = virt::DirectBoot{.kernel = plan.kernel, .initrd = plan.initrd, .cmdline = plan.kernel_line};
    // Only this disk may lose data on a power cut: it is thrown away unless the installation ends well.
    spec.disks.push_back(
        {.path = plan.disk, .format = "qcow2", .target = "vda", .cache = "unsafe", .discard = !plan.thick});
    // A real CD-ROM drive: several installers look for their medium on nothing else.
    spec.disks.push_back(cdrom(plan.medium, "sda"));
    if (plan.answers_iso) {
        spec.disks.push_back(cdrom(*plan.answers_iso, "sdb"));
    }
    if (plan.network) {
        spec.nics.push_back({.kind = virt::NicSpec::Kind::user, .mac = random_mac()});
    }
    if (plan.keep_failed) {
        spec.serials.push_back({.kind = virt::CharacterSpec::Kind::unix_socket,
                                .path = console_socket(plan.folder),
                                .log = channels.console});
    } else {
        spec.serials.push_back(file_end(channels.console));
    }
    for (std::size_t i = 0; i < plan.row->channels.size(); ++i) {
        const templates::LogChannel& channel = plan.row->channels[i];
        if (channel.kind == templates::LogChannel::Kind::serial) {
            spec.serials.push_back(file_end(channels.logs[i]));
        } else {
            spec.channels.push_back({.name = channel.name, .host = file_end(channels.logs[i])});
        }
    }
    spec.panic_device = true;
    spec.balloon = false;
    spec.on_reboot = virt::OnEnd::destroy;
    spec.on_crash = virt::OnEnd::preserve;
    return spec;
}

}  // namespace imgforge::install
