// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/socket.h>

#include <set>
#include <string>

namespace imgforge::fetch {

/// Addresses with their ports, as "127.0.0.1:80".
using AddressSet = std::set<std::string>;

/// "ADDRESS:PORT" of an IPv4 or IPv6 socket address; empty for other families.
std::string address_text(const sockaddr& address);

/// True for an address of this host: loopback, unspecified, link-local (cloud metadata services live there),
/// or one of its interfaces. IPv4 addresses written as IPv6 count as what they are.
bool is_own_address(const sockaddr& address);

}  // namespace imgforge::fetch
