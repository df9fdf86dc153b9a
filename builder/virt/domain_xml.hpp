// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <map>
#include <string>
#include <string_view>
#include <vector>

#include "builder/virt/domain_spec.hpp"

namespace imgforge::virt {

/// The domain as libvirt XML (libvirt ≥ 9.0). Pure; every value is escaped by the tree builder. Throws
/// Failure::domain for a spec that cannot be (secure boot without UEFI, a relative path, a disk without
/// format, a socket path over 107 bytes).
std::string domain_xml(const DomainSpec& spec);

/// One <disk> or <interface> element, for attaching to a running machine. A user NIC cannot be hot-plugged
/// (Failure::domain).
std::string disk_xml(const DiskSpec& disk);
std::string nic_xml(const NicSpec& nic);

/// One disk as a domain's XML has it.
struct DomainDisk {
    std::string target;  ///< "vda"
    std::string path;    ///< "rbd:POOL/IMAGE" in a Ceph pool; empty: an empty drive, or no file
    std::string format{};
    std::string serial{};
    bool readonly = false;
};

/// What reading a domain's XML back gives: the parts that machines are recognised and compared by.
struct DomainFacts {
    std::string name;
    std::string uuid;
    std::map<std::string, std::string> metadata{};  ///< of <imgforge:machine>; empty when it is not ours
    std::vector<std::string> macs{};        ///< includes those of user NICs given on the QEMU command line
    std::vector<std::string> disk_paths{};  ///< in order of definition, empty drives left out
    std::vector<DomainDisk> disks{};
    ByteSize memory{};  ///< the most it can have
    int vcpus = 0;      ///< the most it can have
    /// Other devices a user can give or take, "watchdog i6300esb", "hostdev pci", sorted; what libvirt adds
    /// by itself (controllers, input, audio) is left out.
    std::vector<std::string> devices{};
};

/// Throws Failure::domain when the text is not a domain XML.
DomainFacts read_domain_xml(std::string_view xml);

}  // namespace imgforge::virt
