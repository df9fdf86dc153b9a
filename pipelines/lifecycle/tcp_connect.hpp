// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <chrono>
#include <cstdint>
#include <string>

#include "builder/base/fd.hpp"

namespace imgforge::lifecycle {

using Deadline = std::chrono::steady_clock::time_point;

/// What became of connect_tcp().
struct TcpAttempt {
    Fd fd{};                 ///< connected and non-blocking; none when it failed
    bool is_address = true;  ///< false: the host is not a numeric address
    int error = 0;           ///< errno of the failure
};

/// Connects to a numeric IPv4 or IPv6 address without blocking longer than the deadline. Throws Failure::host
/// when no socket can be made.
TcpAttempt connect_tcp(const std::string& host, std::uint16_t port, Deadline deadline);

/// True when one of the poll(2) `events` came before the deadline; one that has passed still looks once.
bool wait_for_events(int fd, short events, Deadline deadline);

}  // namespace imgforge::lifecycle
