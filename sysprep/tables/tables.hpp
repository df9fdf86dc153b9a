// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <vector>

#include "sysprep/operation.hpp"

namespace imgforge::sysprep::tables {

// Operations that only name paths, one table per kind of thing. registry.cpp puts them into the list.

std::vector<Operation> machine_rows();     ///< ids, seeds, host keys, clocks, hardware
std::vector<Operation> network_rows();     ///< leases, secrets and names of network clients
std::vector<Operation> management_rows();  ///< clouds, registrations, agents, CI runners
std::vector<Operation> service_rows();     ///< node ids and state of servers, containers, clusters
std::vector<Operation> user_rows();        ///< histories, credentials, sessions, desktops
std::vector<Operation> system_rows();      ///< installers, logs, caches, crash data, spools

}  // namespace imgforge::sysprep::tables
