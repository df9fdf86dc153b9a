// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <filesystem>
#include <map>
#include <optional>
#include <string>
#include <vector>

#include "builder/base/byte_size.hpp"
#include "builder/virt/domain_spec.hpp"
#include "templates/distribution.hpp"

namespace imgforge::install {

/// Everything one installation needs, as a value. Files exist and are complete.
struct InstallPlan {
    const templates::Distribution* row = nullptr;
    std::string name;                ///< of the domain, "install-debian13-3f2a"
    std::filesystem::path kernel{};  ///< unpacked from the medium
    std::filesystem::path initrd{};  ///< with the answers inside where the family wants that
    std::string kernel_line{};
    std::filesystem::path medium{};                      ///< attached as a SATA CD-ROM
    std::optional<std::filesystem::path> answers_iso{};  ///< second CD-ROM
    std::filesystem::path disk{};                        ///< empty qcow2 to install to
    ByteSize memory = ByteSize::mib(1536);
    int vcpus = 2;
    bool thick = false;  ///< the disk is allocated whole and stays so: nothing is given back to the host
    virt::DomainSpec::Firmware firmware = virt::DomainSpec::Firmware::bios;
    bool secure_boot = false;
    virt::DomainSpec::Accel accel = virt::DomainSpec::Accel::tcg;
    bool network = false;  ///< one NIC on QEMU's user network; none otherwise, which saves its detection
    std::string marker;    ///< line that stands for success on the console

    std::string connection{};              ///< libvirt URI; empty: embedded, in folder/libvirt
    std::filesystem::path folder;          ///< where everything worth keeping goes; made when missing
    std::filesystem::path capabilities{};  ///< shared QEMU capabilities of embedded roots
    std::map<std::string, std::string>
        texts{};                       ///< name -> text kept beside the logs, masked: answers, kernel line
    std::vector<std::string> asked{};  ///< packages the answers name
    bool keep_failed = false;
    std::optional<double> expected_seconds{};
    std::optional<std::chrono::seconds> total{};  ///< limit in place of the distribution's
};

/// Files of the serial ports and channels below `folder`.
struct InstallChannels {
    std::filesystem::path console;            ///< serial0.log
    std::vector<std::filesystem::path> logs;  ///< in order of the row's channels
};
InstallChannels install_channels(const InstallPlan& plan);

/// The kernel line with the words the answers need: before "---" where the family has it, because what stands
/// behind is for the installed system; else at the end. Words that are there already are not repeated.
std::string with_arguments(const std::string& kernel_line, const std::vector<std::string>& words);

/// Words that make the installer's kernel faster under software emulation, for with_arguments(). None for
/// families that have no "---": their installers copy the kernel line to the installed system.
std::vector<std::string> emulation_words(const std::string& kernel_line);

/// Socket of the console when the machine is kept after a failure: short, beside the libvirt root.
std::filesystem::path console_socket(const std::filesystem::path& folder);

/// The machine of the plan: transient, ends instead of rebooting, unsafe cache, no NIC unless asked for.
virt::DomainSpec install_domain(const InstallPlan& plan);

}  // namespace imgforge::install
