// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <string>
#include <string_view>

namespace imgforge::virt {

/// Why a machine cannot be given the IPv4 address `ip` on the network that `network_xml` (libvirt's) defines;
/// empty: it can.
std::string address_problem(std::string_view network_xml, const std::string& ip);

}  // namespace imgforge::virt
