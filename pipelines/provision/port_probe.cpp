// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/port_probe.hpp"

#include <netdb.h>
#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>
#include <thread>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/handle.hpp"

namespace imgforge::provision {
namespace {

using AddressList = Handle<addrinfo, freeaddrinfo>;
using std::chrono::milliseconds;
using Instant = std::chrono::steady_clock::time_point;

milliseconds left_until(Instant deadline) {
    return std::max(milliseconds(0),
                    std::chrono::duration_cast<milliseconds>(deadline - std::chrono::steady_clock::now()));
}

bool ready(int fd, short events, milliseconds wait) {
    pollfd entry{fd, events, 0};
    return ::poll(&entry, 1, static_cast<int>(wait.count())) > 0;
}

/// A connected socket, or none and why in `seen`.
Fd connected(const std::string& host, std::uint16_t port, milliseconds wait, std::string& seen) {
    addrinfo wanted{};
    wanted.ai_socktype = SOCK_STREAM;
    wanted.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV;
    addrinfo* found = nullptr;
    if (getaddrinfo(host.c_str(), std::to_string(port).c_str(), &wanted, &found) != 0) {
        seen = fmt::format("'{}' is not an address", host);
        return Fd();
    }
    const AddressList address(found);
    Fd fd(::socket(address->ai_family, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    int code = fd ? 0 : errno;
    if (fd && ::connect(fd.get(), address->ai_addr, address->ai_addrlen) != 0) {
        code = errno;
        if (code == EINPROGRESS) {
            socklen_t length = sizeof code;
            code = ready(fd.get(), POLLOUT, wait) ? 0 : ETIMEDOUT;
            if (code == 0 && ::getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &code, &length) != 0) {
                code = errno;
            }
        }
    }
    if (code != 0) {
        seen = errno_text(code);
        return Fd();
    }
    return fd;
}

enum class Peer { talks, silent, gone };

/// What the other side does within `wait`.
Peer listen_to(int fd, milliseconds wait, std::string& seen) {
    if (!ready(fd, POLLIN, wait)) {
        return Peer::silent;
    }
    std::array<char, 256> bytes{};
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK);
    if (count > 0) {
        seen = "the server answered";
        return Peer::talks;
    }
    seen = count == 0 ? "the connection was closed at once" : errno_text(errno);
    return Peer::gone;
}

}  // namespace

std::optional<bool> established(std::string_view usernet, std::uint16_t guest_port) {
    std::istringstream lines{std::string(usernet)};
    std::optional<bool> found;
    for (std::string line; std::getline(lines, line);) {
        // "  TCP[ESTABLISHED]   18   127.0.0.1 22080   10.0.2.15    80     0     0": protocol and state,
        // descriptor, source with port, destination with port.
        std::istringstream words(line);
        std::string state;
        std::string ignored;
        unsigned port = 0;
        if (!(words >> state >> ignored >> ignored >> ignored >> ignored >> port) || port != guest_port ||
            !state.starts_with("TCP[") || state == "TCP[HOST_FORWARD]") {
            continue;
        }
        const bool open = state == "TCP[ESTABLISHED]" || state == "TCP[CLOSE_WAIT]" ||
                          state == "TCP[FIN_WAIT_1]" || state == "TCP[FIN_WAIT_2]";
        found = found.value_or(false) || open;
    }
    return found;
}

bool port_answers(const std::string& host, std::uint16_t port, milliseconds timeout, std::string& seen,
                  std::uint16_t guest_port, const UserNetwork& usernet) {
    const Instant deadline = std::chrono::steady_clock::now() + timeout;
    const Fd fd = connected(host, port, timeout, seen);
    if (!fd) {
        return false;
    }
    seen = "connected";
    if (!usernet) {
        return true;
    }
    constexpr milliseconds look{500};
    while (left_until(deadline) > milliseconds(0)) {
        const Peer peer = listen_to(fd.get(), std::min(look, left_until(deadline)), seen);
        if (peer != Peer::silent) {
            return peer == Peer::talks;
        }
        const std::optional<bool> taken = established(usernet(), guest_port);
        if (taken.value_or(false)) {
            seen = "the guest took the connection";
            return true;
        }
    }
    seen = "the guest did not take the connection";
    return false;
}

}  // namespace imgforge::provision
