// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <string>
#include <string_view>

namespace imgforge::virt {

/// The definition libvirt has (`present`, its inactive XML) with only that changed which belongs to the
/// machine: identity, generation id, what its own disks stand on, ports of user networks, metadata, and the
/// kind of acceleration. Everything else, made by whatever tool, stays. `wanted` is what domain_xml() makes
/// of the machine; with `add_missing` its disks and NICs that `present` lacks are put back. Throws
/// Failure::domain when a text is not a domain XML.
std::string carried_over_xml(std::string_view present, std::string_view wanted, bool add_missing);

/// The definition with `to` instead of `from` as a disk's file; libvirt learns what is below it from the
/// file.
std::string replaced_disk_xml(std::string_view present, const std::filesystem::path& from,
                              const std::filesystem::path& to);

/// The definition under another name, with every path below `from` (disks, backing files, console, log,
/// NVRAM) below `to`. Throws Failure::domain when the text is not a domain XML.
std::string moved_domain_xml(std::string_view present, const std::string& name,
                             const std::filesystem::path& from, const std::filesystem::path& to);

}  // namespace imgforge::virt
