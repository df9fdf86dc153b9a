// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/provision/port_probe.hpp"

#include <poll.h>
#include <sys/socket.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <sstream>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/lifecycle/tcp_connect.hpp"

namespace imgforge::provision {
namespace {

using lifecycle::Deadline;
using std::chrono::milliseconds;

bool has_passed(Deadline deadline) {
    return std::chrono::steady_clock::now() >= deadline;
}

enum class Peer { talks, silent, gone };

/// What the other side does until `deadline`.
Peer listen_to(int fd, Deadline deadline, std::string& seen) {
    if (!lifecycle::wait_for_events(fd, POLLIN, deadline)) {
        return Peer::silent;
    }
    std::array<char, 256> bytes{};
    const ssize_t count = ::recv(fd, bytes.data(), bytes.size(), MSG_PEEK);
    if (count > 0) {
        seen = "the server answered";
        return Peer::talks;
    }
    seen = count == 0 ? "the connection was closed immediately" : errno_text(errno);
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
    const Deadline deadline = std::chrono::steady_clock::now() + timeout;
    const lifecycle::TcpAttempt attempt = lifecycle::connect_tcp(host, port, deadline);
    if (!attempt.fd) {
        seen = attempt.is_address ? errno_text(attempt.error) : fmt::format("'{}' is not an address", host);
        return false;
    }
    seen = "connected";
    if (!usernet) {
        return true;
    }
    constexpr milliseconds look{500};
    while (!has_passed(deadline)) {
        const Deadline next = std::min(std::chrono::steady_clock::now() + look, deadline);
        const Peer peer = listen_to(attempt.fd.get(), next, seen);
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
