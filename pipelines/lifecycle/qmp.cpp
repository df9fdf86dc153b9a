// SPDX-License-Identifier: GPL-3.0-or-later
#include "pipelines/lifecycle/qmp.hpp"

#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

#include <algorithm>
#include <array>

#include <fmt/format.h>

#include "builder/base/error.hpp"
#include "builder/base/fd.hpp"
#include "builder/base/json.hpp"
#include "builder/base/unix_socket.hpp"

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
