// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/relay.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <array>
#include <atomic>
#include <cerrno>
#include <chrono>
#include <list>
#include <map>
#include <memory>
#include <vector>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "pipelines/lifecycle/socket_address.hpp"

namespace imgforge::lifecycle {
namespace {

using SteadyClock = std::chrono::steady_clock;

constexpr int look_interval = 250;             // milliseconds between looks at the stop token
constexpr std::size_t most_connections = 512;  // at once; more wait in the kernel's queue
constexpr std::chrono::seconds connect_timeout{10};
constexpr std::chrono::seconds udp_idle{60};

Fd bound_socket(const PublishedPort& port) {
    const SocketAddress address = socket_address(port.address, port.host_port);
    const int type = port.protocol == "udp" ? SOCK_DGRAM : SOCK_STREAM;
    Fd fd(socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    const int on = 1;
    if (!fd || (type == SOCK_STREAM && setsockopt(fd.get(), SOL_SOCKET, SO_REUSEADDR, &on, sizeof on) != 0) ||
        bind(fd.get(), address.get(), address.length) != 0 ||
        (type == SOCK_STREAM && listen(fd.get(), 64) != 0)) {
        throw system_error("listen on", fmt::format("{}:{}", port.address, port.host_port), errno);
    }
    return fd;
}

/// A connected socket to the guest, or none.
Fd connected(const std::string& host, std::uint16_t port, int type) {
    const SocketAddress address = socket_address(host, port);
    if (address.length == 0) {
        return {};
    }
    Fd fd(socket(address.storage.ss_family, type | SOCK_CLOEXEC | SOCK_NONBLOCK, 0));
    if (!fd) {
        return {};
    }
    if (connect(fd.get(), address.get(), address.length) == 0) {
        return fd;
    }
    pollfd entry{fd.get(), POLLOUT, 0};
    const auto timeout = std::chrono::milliseconds(connect_timeout).count();
    int code = 0;
    socklen_t length = sizeof code;
    const bool answered = errno == EINPROGRESS && poll(&entry, 1, static_cast<int>(timeout)) == 1 &&
                          getsockopt(fd.get(), SOL_SOCKET, SO_ERROR, &code, &length) == 0 && code == 0;
    return answered ? std::move(fd) : Fd();
}

/// One direction of a connection, with what could not be written yet.
struct Direction {
    int from = -1;
    int to = -1;
    std::vector<char> pending{};
    bool ended = false;  ///< `from` sent its end, and it was passed on

    /// False when the connection is broken.
    bool read_some() {
        std::array<char, 65536> buffer{};
        const ssize_t count = recv(from, buffer.data(), buffer.size(), 0);
        if (count > 0) {
            pending.assign(buffer.data(), buffer.data() + count);
            return write_some();
        }
        if (count == 0) {
            ended = true;
            shutdown(to, SHUT_WR);
            return true;
        }
        return errno == EAGAIN || errno == EINTR;
    }

    bool write_some() {
        const ssize_t count = send(to, pending.data(), pending.size(), MSG_NOSIGNAL);
        if (count < 0) {
            return errno == EAGAIN || errno == EINTR;
        }
        pending.erase(pending.begin(), pending.begin() + count);
        return true;
    }
};

short events_of(const Direction& reading, const Direction& writing) {
    const bool reads = !reading.ended && reading.pending.empty();
    return static_cast<short>((reads ? POLLIN : 0) | (writing.pending.empty() ? 0 : POLLOUT));
}

/// Both ways until both have ended.
void carry(const Fd& client, const Fd& guest, const std::stop_token& stop) {
    Direction up{client.get(), guest.get()};
    Direction down{guest.get(), client.get()};
    while (!stop.stop_requested() && !(up.ended && down.ended)) {
        std::array<pollfd, 2> entries{pollfd{client.get(), events_of(up, down), 0},
                                      pollfd{guest.get(), events_of(down, up), 0}};
        if (poll(entries.data(), entries.size(), look_interval) < 0 && errno != EINTR) {
            return;
        }
        const auto serve = [](short seen, Direction& reading, Direction& writing) {
            constexpr short in = POLLIN | POLLHUP | POLLERR;
            const bool wrote = writing.pending.empty() || (seen & POLLOUT) == 0 || writing.write_some();
            const bool wants = !reading.ended && reading.pending.empty() && (seen & in) != 0;
            return wrote && (!wants || reading.read_some());
        };
        if (!serve(entries[0].revents, up, down) || !serve(entries[1].revents, down, up)) {
            return;
        }
        if (((entries[0].revents | entries[1].revents) & (POLLERR | POLLNVAL)) != 0) {
            return;
        }
    }
}

struct Carrier {
    std::shared_ptr<std::atomic<bool>> done = std::make_shared<std::atomic<bool>>(false);
    std::jthread thread{};
};

struct UdpPeer {
    Fd guest;
    SocketAddress client;
    SteadyClock::time_point used;
};

/// Everything that lies in one socket, given to `take`.
template <class Take>
void drain(int fd, SocketAddress* from, Take&& take) {
    std::array<char, 65536> buffer{};
    while (true) {
        ssize_t count = 0;
        if (from != nullptr) {
            from->length = sizeof from->storage;
            count = recvfrom(fd, buffer.data(), buffer.size(), 0,
                             reinterpret_cast<sockaddr*>(&from->storage),  // NOLINT: the sockets API
                             &from->length);
        } else {
            count = recv(fd, buffer.data(), buffer.size(), 0);
        }
        if (count < 0) {
            return;
        }
        take(buffer.data(), static_cast<std::size_t>(count));
    }
}

}  // namespace

PortRelay::PortRelay(PublishedPort port, TargetAddress target)
    : port_(std::move(port)),
      target_(std::move(target)),
      socket_(bound_socket(port_)),
      thread_([this](const std::stop_token& stop) {
          port_.protocol == "udp" ? serve_udp(stop) : serve_tcp(stop);
      }) {}

void PortRelay::serve_tcp(const std::stop_token& stop) const {
    std::list<Carrier> carriers;
    while (!stop.stop_requested()) {
        carriers.remove_if([](const Carrier& carrier) { return carrier.done->load(); });
        pollfd entry{socket_.get(), POLLIN, 0};
        if (carriers.size() >= most_connections || poll(&entry, 1, look_interval) != 1) {
            if (carriers.size() >= most_connections) {
                std::this_thread::sleep_for(std::chrono::milliseconds(look_interval));
            }
            continue;
        }
        Fd client(accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC | SOCK_NONBLOCK));
        if (!client) {
            continue;
        }
        Carrier& carrier = carriers.emplace_back();
        carrier.thread = std::jthread(
            [this, client = std::move(client), done = carrier.done](const std::stop_token& stopped) {
                if (const Fd guest = connected(target_(), port_.guest_port, SOCK_STREAM)) {
                    carry(client, guest, stopped);
                }
                *done = true;
            });
    }
}

void PortRelay::serve_udp(const std::stop_token& stop) const {
    std::map<std::string, UdpPeer> peers;
    while (!stop.stop_requested()) {
        std::vector<pollfd> entries{{socket_.get(), POLLIN, 0}};
        for (const auto& [key, peer] : peers) {
            entries.push_back({peer.guest.get(), POLLIN, 0});
        }
        static_cast<void>(poll(entries.data(), entries.size(), look_interval));
        SocketAddress from;
        drain(socket_.get(), &from, [&](const char* data, std::size_t size) {
            const std::string key(reinterpret_cast<const char*>(&from.storage), from.length);  // NOLINT
            auto peer = peers.find(key);
            if (peer == peers.end() && peers.size() < most_connections) {
                peer = peers
                           .emplace(key, UdpPeer{connected(target_(), port_.guest_port, SOCK_DGRAM), from,
                                                 SteadyClock::now()})
                           .first;
            }
            if (peer != peers.end() && peer->second.guest) {
                peer->second.used = SteadyClock::now();
                static_cast<void>(send(peer->second.guest.get(), data, size, MSG_NOSIGNAL));
            }
        });
        for (auto& [key, peer] : peers) {
            drain(peer.guest.get(), nullptr, [&, to = &peer](const char* data, std::size_t size) {
                to->used = SteadyClock::now();
                static_cast<void>(
                    sendto(socket_.get(), data, size, MSG_NOSIGNAL, to->client.get(), to->client.length));
            });
        }
        std::erase_if(peers, [](const auto& item) {
            return !item.second.guest || SteadyClock::now() - item.second.used > udp_idle;
        });
    }
}

}  // namespace imgforge::lifecycle
