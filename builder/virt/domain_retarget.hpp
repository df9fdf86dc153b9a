// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <filesystem>
#include <map>
#include <string>
#include <string_view>

namespace imgforge::virt {

/// What is different in the XML of a domain that goes on from another domain's memory. What the guest sees of
/// its devices (their kinds and addresses) has to stay as it is; only where they end on the host and what the
/// domain is called changes.
struct Retarget {
    std::string name;
    std::string uuid;
    std::string generation_id;  ///< of the vmgenid device: by a new one the kernel knows that it was copied
    std::map<std::string, std::string> metadata{};  ///< attributes of <imgforge:machine>
    std::map<std::string, std::filesystem::path>
        disks;                               ///< target ("vda") -> file; every writable disk must be named
    std::filesystem::path console_socket{};  ///< empty: a pty
    std::filesystem::path console_log{};
};

/// The XML of one domain as the XML of another. Throws Failure::domain when it is none, when a disk to be
/// replaced is not in it, or when a writable disk would be shared with the other domain.
std::string retarget_domain_xml(std::string_view xml, const Retarget& target);

}  // namespace imgforge::virt
