// SPDX-License-Identifier: GPL-3.0-or-later
#include "builder/guest/qemu_monitor.hpp"

#include <fmt/format.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <cstring>
#include <thread>

#include "builder/base/error.hpp"
#include "builder/base/json_text.hpp"

namespace imgforge::guest {

namespace {

/// Waits until `fd` can be read. Slices, so that a stop is seen soon.
void wait_readable(int fd, const WaitLimit& limit, std::string_view what) {
    constexpr std::chrono::milliseconds slice{50};
    while (true) {
        const auto left = std::chrono::duration_cast<std::chrono::milliseconds>(
            limit.until - std::chrono::steady_clock::now());
        if (limit.stop.stop_requested() || left.count() <= 0) {
            throw Error(Failure::timeout, fmt::format("no {} from the appliance's QEMU", what));
        }
        pollfd entry{fd, POLLIN, 0};
        if (::poll(&entry, 1, static_cast<int>(std::min(slice, left).count())) > 0) {
            return;
        }
    }
}

}  // namespace

Fd LineListener::accept(const WaitLimit& limit) const {
    wait_readable(socket_.get(), limit, "connection");
    Fd connection(::accept4(socket_.get(), nullptr, nullptr, SOCK_CLOEXEC));
    if (!connection) {
        throw Error(Failure::tool, "the appliance's QEMU did not stay connected");
    }
    return connection;
}

std::string LineSocket::read_line(const WaitLimit& limit) {
    std::size_t end = buffer_.find('\n');
    while (end == std::string::npos) {
        wait_readable(socket_.get(), limit, "answer");
        std::array<char, 4096> chunk{};
        const ssize_t count = ::read(socket_.get(), chunk.data(), chunk.size());
        constexpr std::size_t longest = 1U << 20U;
        if (count <= 0 || buffer_.size() > longest) {
            throw Error(Failure::tool, "the appliance's QEMU has ended");
        }
        buffer_.append(chunk.data(), static_cast<std::size_t>(count));
        end = buffer_.find('\n');
    }
    std::string line = buffer_.substr(0, end);
    buffer_.erase(0, end + 1);
    return line;
}

void LineSocket::send(std::string_view bytes, int passed) const {
    iovec part{const_cast<char*>(bytes.data()), bytes.size()};
    msghdr message{};
    message.msg_iov = &part;
    message.msg_iovlen = 1;
    alignas(cmsghdr) std::array<char, CMSG_SPACE(sizeof(int))> space{};
    if (passed >= 0) {
        message.msg_control = space.data();
        message.msg_controllen = space.size();
        cmsghdr* const header = CMSG_FIRSTHDR(&message);
        header->cmsg_level = SOL_SOCKET;
        header->cmsg_type = SCM_RIGHTS;
        header->cmsg_len = CMSG_LEN(sizeof(int));
        std::memcpy(CMSG_DATA(header), &passed, sizeof passed);
    }
    // A line is far smaller than the socket's buffer, so it goes whole.
    if (::sendmsg(socket_.get(), &message, MSG_NOSIGNAL) != static_cast<ssize_t>(bytes.size())) {
        throw Error(Failure::tool, "the appliance's QEMU has ended");
    }
}

pid_t LineSocket::peer() const {
    ucred credentials{};
    socklen_t size = sizeof credentials;
    return ::getsockopt(socket_.get(), SOL_SOCKET, SO_PEERCRED, &credentials, &size) == 0 ? credentials.pid
                                                                                          : 0;
}

QemuMonitor::QemuMonitor(Fd socket, const WaitLimit& limit) : socket_(std::move(socket)) {
    socket_.read_line(limit);
    execute("qmp_capabilities", Json::object(), limit);
}

Json QemuMonitor::execute(const std::string& command, const Json& arguments, const WaitLimit& limit,
                          int passed) {
    socket_.send(Json{{"execute", command}, {"arguments", arguments}}.dump() + "\n", passed);
    while (true) {
        const Json answer = Json::parse(socket_.read_line(limit), nullptr, false);
        if (answer.is_object() && answer.contains("return")) {
            return answer["return"];
        }
        if (answer.is_object() && answer.contains("error")) {
            throw Error(Failure::tool,
                        fmt::format("QEMU refused {}: {}", command, text_at(answer["error"], "desc")));
        }
    }
}

void QemuMonitor::migrate(const char* command, int fd, const WaitLimit& limit) {
    execute("migrate-set-capabilities",
            {{"capabilities", Json::array({{{"capability", "x-ignore-shared"}, {"state", true}}})}}, limit);
    execute("getfd", {{"fdname", "state"}}, limit, fd);
    execute(command, {{"uri", "fd:state"}}, limit);
    constexpr std::chrono::milliseconds between{5};
    while (true) {
        const std::string status = text_at(execute("query-migrate", Json::object(), limit), "status");
        if (status == "completed") {
            return;
        }
        if (status == "failed" || status == "cancelled") {
            throw Error(Failure::integrity, fmt::format("QEMU's {} ended as '{}'", command, status));
        }
        std::this_thread::sleep_for(between);
    }
}

void QemuMonitor::save(int fd, const WaitLimit& limit) {
    execute("stop", Json::object(), limit);
    migrate("migrate", fd, limit);
}

void QemuMonitor::load(int fd, const WaitLimit& limit) {
    migrate("migrate-incoming", fd, limit);
    // The state says that the machine was stopped.
    execute("cont", Json::object(), limit);
}

void QemuMonitor::quit(const WaitLimit& limit) {
    socket_.send("{\"execute\":\"quit\"}\n");
    // QEMU drops a command whose connection is closed before it has come to it.
    try {
        while (true) {
            socket_.read_line(limit);
        }
    } catch (const Error& error) {
        if (error.kind() == Failure::timeout) {
            throw;
        }
    }
}

}  // namespace imgforge::guest
