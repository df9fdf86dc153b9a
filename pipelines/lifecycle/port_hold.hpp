// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <cstdint>
#include <functional>
#include <optional>

#include "builder/base/fd.hpp"

namespace imgforge::lifecycle {

/// A TCP port of 127.0.0.1 that nobody else can take while the object lives. The socket is bound, with
/// SO_REUSEADDR, but does not listen: QEMU, which sets SO_REUSEADDR as well, may still bind and listen on it,
/// everybody who does not is refused, and a port somebody listens on cannot be held at all (ip(7), tcp(7);
/// tests/tools/lifecycle shows it). So no gap is left between choosing and using.
class PortHold {
public:
    /// Nothing when the port is in use.
    static std::optional<PortHold> try_hold(std::uint16_t port);
    /// One of the ports handed to machines, from a random one on. `taken` leaves out those that it knows;
    /// nothing when all are in use.
    static std::optional<PortHold> any(const std::function<bool(std::uint16_t)>& taken = {});
    std::uint16_t port() const { return port_; }

private:
    PortHold(Fd fd, std::uint16_t port) : fd_(std::move(fd)), port_(port) {}
    Fd fd_;
    std::uint16_t port_;
};

/// Ports handed to machines: below the kernel's ephemeral range (32768 on), so that outgoing connections do
/// not take the port of a machine that is off.
constexpr std::uint16_t first_forward_port = 22000;
constexpr std::uint16_t last_forward_port = 31999;

}  // namespace imgforge::lifecycle
