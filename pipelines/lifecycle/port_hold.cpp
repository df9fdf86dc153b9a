// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/port_hold.hpp"

#include <arpa/inet.h>
#include <sys/socket.h>

#include <cerrno>

#include "builder/base/error.hpp"
#include "builder/base/random.hpp"

namespace imgforge::lifecycle {

std::optional<PortHold> PortHold::try_hold(std::uint16_t port) {
    Fd fd(socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!fd) {
        throw system_error("open", "a TCP socket", errno);
    }
    const int on = 1;
    if (setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) {
        throw system_error("set SO_REUSEADDR of", "a TCP socket", errno);
    }
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_port = htons(port);
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    // The sockets API types every address as sockaddr.
    if (bind(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {  // NOLINT
        return {};
    }
    return PortHold(std::move(fd), port);
}

std::optional<PortHold> PortHold::any(const std::function<bool(std::uint16_t)>& taken) {
    constexpr std::uint32_t range = last_forward_port - first_forward_port + 1U;
    const auto bytes = random_bytes(2);
    const std::uint32_t start = (static_cast<std::uint32_t>(bytes[0]) << 8U | bytes[1]) % range;
    for (std::uint32_t i = 0; i < range; ++i) {
        const auto port = static_cast<std::uint16_t>(first_forward_port + (start + i) % range);
        if (taken && taken(port)) {
            continue;
        }
        if (auto hold = try_hold(port)) {
            return hold;
        }
    }
    return {};
}

}  // namespace imgforge::lifecycle
