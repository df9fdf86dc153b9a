// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/qmp.hpp"

#include <fcntl.h>
#include <poll.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cstring>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/json.hpp"

namespace imgforge::lifecycle {
namespace {

using Deadline = std::chrono::steady_clock::time_point;

/// The next line, or empty at the deadline.
std::string read_line(int fd, std::string& buffer, Deadline deadline) {
    constexpr std::size_t longest = 1U << 20U;
    while (buffer.find('\n') == std::string::npos && buffer.size() < longest) {
        const auto left =
            std::chrono::duration_cast<std::chrono::milliseconds>(deadline - std::chrono::steady_clock::now())
                .count();
        pollfd entry{fd, POLLIN, 0};
        if (left <= 0 || poll(&entry, 1, static_cast<int>(left)) <= 0) {
            return {};
        }
        std::array<char, 4096> chunk{};
        const ssize_t count = read(fd, chunk.data(), chunk.size());
        if (count <= 0) {
            return {};
        }
        buffer.append(chunk.data(), static_cast<std::size_t>(count));
    }
    const std::size_t end = buffer.find('\n');
    std::string line = buffer.substr(0, end);
    buffer.erase(0, end == std::string::npos ? end : end + 1);
    return line;
}

}  // namespace

Fd connect_unix(const std::filesystem::path& socket_path) {
    const Fd folder(open(socket_path.parent_path().c_str(), O_PATH | O_DIRECTORY | O_CLOEXEC));
    Fd fd(socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0));
    if (!folder || !fd) {
        return {};
    }
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    const std::string name =
        fmt::format("/proc/self/fd/{}/{}", folder.get(), socket_path.filename().string());
    if (name.size() >= sizeof address.sun_path) {
        return {};
    }
    std::memcpy(address.sun_path, name.c_str(), name.size() + 1);
    // The sockets API types every address as sockaddr.
    if (connect(fd.get(), reinterpret_cast<const sockaddr*>(&address), sizeof address) != 0) {  // NOLINT
        return {};
    }
    return fd;
}

std::string qemu_run_state(const std::filesystem::path& socket, std::chrono::milliseconds timeout) {
    const Deadline deadline = std::chrono::steady_clock::now() + timeout;
    const Fd fd = connect_unix(socket);
    std::string buffer;
    if (!fd || read_line(fd.get(), buffer, deadline).find("\"QMP\"") == std::string::npos) {
        return {};
    }
    constexpr std::string_view request =
        "{\"execute\":\"qmp_capabilities\"}\n{\"execute\":\"query-status\"}\n";
    if (send(fd.get(), request.data(), request.size(), MSG_NOSIGNAL) !=
        static_cast<ssize_t>(request.size())) {
        return {};
    }
    // Events may stand between the answers.
    for (std::string line = read_line(fd.get(), buffer, deadline); !line.empty();
         line = read_line(fd.get(), buffer, deadline)) {
        const Json answer = Json::parse(line, nullptr, false);
        if (answer.is_object() && answer.contains("return") && answer["return"].is_object() &&
            answer["return"].contains("status")) {
            return answer["return"]["status"].is_string() ? answer["return"]["status"].get<std::string>()
                                                          : "";
        }
    }
    return {};
}

}  // namespace imgforge::lifecycle
