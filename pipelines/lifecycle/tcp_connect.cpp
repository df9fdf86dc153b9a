// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/tcp_connect.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <cerrno>

#include "builder/base/error.hpp"
#include "builder/base/handle.hpp"

namespace imgforge::lifecycle {
namespace {

using AddressList = Handle<addrinfo, freeaddrinfo>;

AddressList numeric_address(const std::string& host, std::uint16_t port) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) {
        return {};
    }
    return AddressList(found);
}

/// 0 or the errno.
int connect_until(int fd, const addrinfo& address, Deadline deadline) {
    if (connect(fd, address.ai_addr, address.ai_addrlen) == 0) {
        return 0;
    }
    if (errno != EINPROGRESS) {
        return errno;
    }
    if (!wait_for_events(fd, POLLOUT, deadline)) {
        return ETIMEDOUT;
    }
    int code = 0;
    socklen_t length = sizeof code;
    return getsockopt(fd, SOL_SOCKET, SO_ERROR, &code, &length) == 0 ? code : errno;
}

}  // namespace

bool wait_for_events(int fd, short events, Deadline deadline) {
    const auto left =
        std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
            .count();
    pollfd entry{fd, events, 0};
    return poll(&entry, 1, static_cast<int>(std::max<std::int64_t>(left, 0))) > 0;
}

TcpAttempt connect_tcp(const std::string& host, std::uint16_t port, Deadline deadline) {
    const AddressList address = numeric_address(host, port);
    if (!address) {
        return {.is_address = false};
    }
    Fd fd(socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        throw system_error("open", "a TCP socket", errno);
    }
    if (const int code = connect_until(fd.get(), *address, deadline); code != 0) {
        return {.error = code};
    }
    return {.fd = std::move(fd)};
}

}  // namespace imgforge::lifecycle
