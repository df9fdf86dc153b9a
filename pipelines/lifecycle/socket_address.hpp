// SPDX-License-Identifier: GPL-3.0-or-later
#pragma once

#include <sys/socket.h>

#include <cstdint>
#include <string>

namespace imgforge::lifecycle {

/// A numeric address and port as the sockets API wants them.
struct SocketAddress {
    sockaddr_storage storage{};
    socklen_t length = 0;  ///< 0: the text is not an address
    const sockaddr* get() const {
        return reinterpret_cast<const sockaddr*>(&storage);  // NOLINT: the sockets API types it so
    }
};

/// IPv4 or IPv6, without brackets.
SocketAddress socket_address(const std::string& address, std::uint16_t port);

}  // namespace imgforge::lifecycle
