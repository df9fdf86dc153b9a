// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/ports.hpp"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <unistd.h>

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "pipelines/lifecycle/access.hpp"
#include "pipelines/lifecycle/relay.hpp"
#include "pipelines/lifecycle/socket_address.hpp"

namespace imgforge::lifecycle {
namespace {

TEST(PublishedPorts, are_read_as_they_are_written_with_docker) {
    EXPECT_EQ(parse_published("8080:80").text(), "127.0.0.1:8080->80/tcp");
    EXPECT_EQ(parse_published("0.0.0.0:53:5353/udp").text(), "0.0.0.0:53->5353/udp");
    EXPECT_EQ(parse_published("[::1]:8443:443").address, "::1");
}

TEST(PublishedPorts, faults_are_told) {
    for (const char* const text : {"", "80", "0:80", "80:0", "70000:80", "80:x", "a.b:80:80", "80:80/sctp",
                                   "-1:80", "8080:80:", "1:2:3:4"}) {
        EXPECT_THROW(parse_published(text), Error) << text;
    }
}

Fd listener(int type, std::uint16_t& port) {
    Fd fd(socket(AF_INET, type, 0));
    SocketAddress address = socket_address("127.0.0.1", 0);
    EXPECT_EQ(bind(fd.get(), address.get(), address.length), 0);
    if (type == SOCK_STREAM) {
        EXPECT_EQ(listen(fd.get(), 1), 0);
    }
    sockaddr_in bound{};
    socklen_t length = sizeof bound;
    EXPECT_EQ(getsockname(fd.get(), reinterpret_cast<sockaddr*>(&bound), &length), 0);  // NOLINT: sockets API
    port = ntohs(bound.sin_port);
    return fd;
}

std::uint16_t free_port(int type) {
    std::uint16_t port = 0;
    static_cast<void>(listener(type, port));
    return port;
}

Fd client_of(std::uint16_t port, int type) {
    Fd fd(socket(AF_INET, type, 0));
    const SocketAddress address = socket_address("127.0.0.1", port);
    EXPECT_EQ(connect(fd.get(), address.get(), address.length), 0);
    return fd;
}

std::string received(int fd) {
    pollfd entry{fd, POLLIN, 0};
    std::array<char, 256> buffer{};
    const ssize_t count = poll(&entry, 1, 10000) == 1 ? recv(fd, buffer.data(), buffer.size(), 0) : -1;
    return count < 0 ? "nothing" : std::string(buffer.data(), static_cast<std::size_t>(count));
}

TEST(PortRelay, carries_both_ways_and_passes_the_end_on) {
    std::uint16_t guest_port = 0;
    const Fd guest = listener(SOCK_STREAM, guest_port);
    const std::uint16_t host_port = free_port(SOCK_STREAM);
    const PortRelay relay({"127.0.0.1", host_port, guest_port, "tcp"}, [] { return "127.0.0.1"; });

    const Fd client = client_of(host_port, SOCK_STREAM);
    const Fd served(accept(guest.get(), nullptr, nullptr));
    ASSERT_EQ(send(client.get(), "question", 8, 0), 8);
    EXPECT_EQ(received(served.get()), "question");
    shutdown(client.get(), SHUT_WR);
    EXPECT_EQ(received(served.get()), "") << "the end of the question";
    ASSERT_EQ(send(served.get(), "answer", 6, 0), 6);
    EXPECT_EQ(received(client.get()), "answer");
}

TEST(PortRelay, a_guest_without_an_address_closes_the_connection) {
    const std::uint16_t host_port = free_port(SOCK_STREAM);
    const PortRelay relay({"127.0.0.1", host_port, 80, "tcp"}, [] { return ""; });
    const Fd client = client_of(host_port, SOCK_STREAM);
    EXPECT_EQ(received(client.get()), "");
}

TEST(PortRelay, carries_datagrams_and_their_answers) {
    std::uint16_t guest_port = 0;
    const Fd guest = listener(SOCK_DGRAM, guest_port);
    const std::uint16_t host_port = free_port(SOCK_DGRAM);
    const PortRelay relay({"127.0.0.1", host_port, guest_port, "udp"}, [] { return "127.0.0.1"; });

    const Fd client = client_of(host_port, SOCK_DGRAM);
    ASSERT_EQ(send(client.get(), "ping", 4, 0), 4);
    std::array<char, 16> buffer{};
    SocketAddress from;
    from.length = sizeof from.storage;
    ASSERT_EQ(recvfrom(guest.get(), buffer.data(), buffer.size(), 0,
                       reinterpret_cast<sockaddr*>(&from.storage), &from.length),  // NOLINT: sockets API
              4);
    ASSERT_EQ(sendto(guest.get(), "pong", 4, 0, from.get(), from.length), 4);
    EXPECT_EQ(received(client.get()), "pong");
}

TEST(PortRelay, a_port_in_use_is_an_error) {
    std::uint16_t port = 0;
    const Fd other = listener(SOCK_STREAM, port);
    EXPECT_THROW(PortRelay({"127.0.0.1", port, 80, "tcp"}, [] { return ""; }), Error);
}

TEST(CopyEnds, a_colon_before_the_first_slash_names_a_machine) {
    EXPECT_EQ(parse_copy_end("web-1:/etc/fstab").machine, "web-1");
    EXPECT_EQ(parse_copy_end("web-1:").path, "");
    EXPECT_EQ(parse_copy_end("./a:b").machine, "");
    EXPECT_EQ(parse_copy_end("/tmp/x").path, "/tmp/x");
}

}  // namespace
}  // namespace imgforge::lifecycle
